/**
 * Which records are no longer this member's. A lane that is taken away leaves its records all over: in a batch that is being
 * looked up, in the queues, in calls under way that will fail and come back, in a publication that is tried again. Its next owner has them all, and may be ahead;
 * so none of them may leave from here any more. They are known by their epoch: a lane that returns comes under a later one.
 */
import type { Place } from './record.ts'

export class Ownership {
  /** By topic and lane: the latest epoch that was received, and the latest that has ended. */
  readonly #seen = new Map<string, number>()
  readonly #over = new Map<string, number>()

  /** To be told of records at once when they are received, before anything is waited for. */
  see(records: readonly Place[]): void {
    for (const { topic, lane, epoch } of records) this.#seen.set(nameOf(topic, lane), epoch)
  }

  end(topic: string, lanes: Iterable<number>): void {
    for (const lane of lanes) {
      const name = nameOf(topic, lane)
      this.#over.set(name, this.#seen.get(name) ?? Number.NEGATIVE_INFINITY)
    }
  }

  isOver({ topic, lane, epoch }: Place): boolean {
    const over = this.#over.get(nameOf(topic, lane))
    return over !== undefined && epoch <= over
  }
}

const nameOf = (topic: string, lane: number): string => `${topic}/${lane}`
