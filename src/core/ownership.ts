/**
 * Which records are no longer this member's. A lane that is taken away leaves its records all over: in a batch that is being
 * looked up, in the queues, in calls under way that will fail and come back, in a publication that is tried again. Its next owner has them all, and may be ahead;
 * so none of them may leave from here any more. They are known by their epoch: a lane that returns comes under a later one.
 */
import type { Place } from './record.ts'

export class Ownership {
  /** By topic and lane: the latest epoch that was received, and the latest that has ended. */
  readonly #seen = new Epochs()
  readonly #over = new Epochs()

  /** To be told of records at once when they are received, before anything is waited for. */
  see(records: readonly Place[]): void {
    for (const record of records) this.#seen.set(record, record.epoch)
  }

  end(topic: string, lanes: Iterable<number>): void {
    for (const lane of lanes)
      this.#over.set({ topic, lane }, this.#seen.get({ topic, lane }) ?? Number.NEGATIVE_INFINITY)
  }

  isOver(place: Place): boolean {
    const over = this.#over.get(place)
    return over !== undefined && place.epoch <= over
  }
}

type Lane = Pick<Place, 'topic' | 'lane'>

/** Asked for every record, and so without a text made of topic and lane for each. */
class Epochs {
  readonly #topics = new Map<string, number[]>()
  /** Of the topic that was asked for last, which mostly is the next one too. */
  #last: number[] = []
  #lastTopic: string | undefined

  get({ topic, lane }: Lane): number | undefined {
    return this.#lanesOf(topic)[lane]
  }

  set({ topic, lane }: Lane, epoch: number): void {
    this.#lanesOf(topic)[lane] = epoch
  }

  #lanesOf(topic: string): number[] {
    if (topic === this.#lastTopic) return this.#last
    const lanes = this.#topics.get(topic) ?? []
    this.#topics.set(topic, lanes)
    this.#last = lanes
    this.#lastTopic = topic
    return lanes
  }
}
