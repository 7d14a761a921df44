/** What a worker (durable-work.ts) was told is durable, and whether stores that were opened again still know all of it. */
import type { Bus } from '../bus/bus.ts'
import type { Received } from '../core/record.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { People } from '../people/people.ts'
import { GROUP, type Said, SOURCE } from './durable-work.ts'

interface Stores {
  readonly bus: Bus
  readonly ledger: Ledger
  readonly people: People
}

export class Truth {
  /** By topic: what was acknowledged, in the order in which it was. */
  readonly #published = new Map<string, Set<string>>()
  readonly #begun = new Set<string>()
  /** What may have been settled, and with that removed; and what surely was. */
  readonly #settling = new Set<string>()
  readonly #settled = new Set<string>()
  readonly #recorded: string[] = []
  readonly #remembered: string[] = []
  readonly #links = new Map<string, string>()

  hear(said: Said): void {
    if (said.said === 'linked') this.#links.set(said.key, said.canonical)
    else this.#hear(said)
  }

  #hear(said: Exclude<Said, { said: 'linked' }>): void {
    for (const id of said.ids)
      if (said.said === 'publishing') this.#begun.add(id)
      else if (said.said === 'published') this.#acknowledge(said.topic, id)
      else if (said.said === 'settling') this.#settling.add(id)
      else if (said.said === 'settled') this.#settled.add(id)
      else if (said.said === 'recorded') this.#recorded.push(id)
      else this.#remembered.push(id)
  }

  #acknowledge(topic: string, id: string): void {
    const ids = this.#published.get(topic) ?? new Set()
    this.#published.set(topic, ids.add(id))
  }

  get acknowledged(): number {
    return [...this.#published.values()].reduce((sum, ids) => sum + ids.size, 0)
  }

  /** What is wrong with stores that were opened after a crash; undefined when nothing is. */
  async complaint(stores: Stores): Promise<string | undefined> {
    return (
      (await this.#ofTopics(stores.bus)) ??
      (await this.#ofLedger(stores.ledger)) ??
      this.#ofPeople(stores.people)
    )
  }

  async #ofTopics(bus: Bus): Promise<string | undefined> {
    for (const [topic, ids] of this.#published) {
      const complaint = await this.#ofTopic(bus, topic, ids)
      if (complaint) return `${topic}: ${complaint}`
    }
    return undefined
  }

  async #ofTopic(bus: Bus, topic: string, ids: ReadonlySet<string>): Promise<string | undefined> {
    const kept = new Map(
      (await bus.read(topic, { from: 0, limit: ALL })).map((record) => [record.id, record]),
    )
    const lost = [...ids].filter((id) => !kept.has(id) && !this.#settling.has(id))
    if (lost.length > 0) return `${lost.length} acknowledged are lost, first ${lost[0]}`
    const altered = [...kept.values()].find(({ id, value }) => !this.#begun.has(id) || !value.includes(id))
    if (altered) return `${altered.id} was never published so`
    if (!isAscending([...ids].flatMap((id) => kept.get(id) ?? []))) return 'the order of a key is another'
    return this.#ofGroup(bus, topic, kept)
  }

  /** What was settled for sure does not come again; everything else that is kept does. */
  async #ofGroup(bus: Bus, topic: string, kept: ReadonlyMap<string, Received>): Promise<string | undefined> {
    const { unsettled } = await bus.lag(topic, GROUP)
    await using subscription = await bus.subscribe(topic, GROUP, { batch: ALL })
    const came = new Set<string>()
    for await (const batch of came.size < unsettled ? subscription : []) {
      for (const { id } of batch) came.add(id)
      if (came.size >= unsettled) break
    }
    const again = [...came].filter((id) => this.#settled.has(id))
    if (again.length > 0) return `${again.length} settled come again, first ${again[0]}`
    const withheld = [...kept.keys()].filter((id) => !came.has(id) && !this.#settling.has(id))
    return withheld.length > 0 ? `${withheld.length} unsettled do not come, first ${withheld[0]}` : undefined
  }

  async #ofLedger(ledger: Ledger): Promise<string | undefined> {
    const found = await Promise.all(this.#recorded.map((id) => ledger.find(id)))
    const forgotten = found.indexOf(undefined)
    if (forgotten >= 0) return `how ${this.#recorded[forgotten]} ended is forgotten`
    const seen = await ledger.seen(
      SOURCE,
      this.#remembered.map((id) => `client ${id}`),
    )
    const unseen = this.#remembered.find((id) => seen.get(`client ${id}`) !== id)
    return unseen === undefined ? undefined : `the client's id of ${unseen} is forgotten`
  }

  async #ofPeople(people: People): Promise<string | undefined> {
    const keys = [...this.#links.keys()]
    const roots = await people.resolve(keys)
    const unlinked = keys.find((key, at) => roots[at] !== this.#links.get(key))
    return unlinked === undefined ? undefined : `the link of ${unlinked} is forgotten`
  }
}

const ALL = 1_000_000

/** Whether what was acknowledged earlier lies before what was acknowledged later, for every key. */
function isAscending(records: readonly Received[]): boolean {
  const last = new Map<string, number>()
  return records.every(({ key, offset }) => {
    const isLater = offset > (last.get(key) ?? -1)
    last.set(key, offset)
    return isLater
  })
}
