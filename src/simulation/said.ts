/** What applications say, each thing with a number of its own, by which it is found again on the other side. */
import type { Chance } from './chance.ts'
import type { Menu } from './menu.ts'

/** One operation in the form of Track v2. */
export type Said = Readonly<Record<string, unknown>>

export interface Saying {
  readonly n: number
  readonly item: Said
  /** Whom it is about, as it was said: `id:p1`. */
  readonly subject: string
  /** An event has an effect of its own, which can be counted. */
  readonly isEvent: boolean
  /** Customer.io refuses it for good: by itself, or along with the whole call. */
  readonly fault: 'bad' | 'poison' | undefined
}

export interface Request {
  readonly sayings: readonly Saying[]
  readonly idempotencyKey: string | undefined
}

/** Where refusals are said of people of their own, a replay of them changes nothing that others can see. */
const TROUBLED = ['q0', 'q1'] as const

export class Speech {
  readonly #chance: Chance
  readonly #menu: Menu
  readonly #people: number
  readonly #sayings: Saying[] = []
  /** Unix seconds that applications stamp; they never go back. */
  #second = 1_767_225_600

  constructor(chance: Chance, menu: Menu) {
    this.#chance = chance
    this.#menu = menu
    this.#people = menu.get('few people') ?? 3 + chance.below(8)
  }

  get sayings(): readonly Saying[] {
    return this.#sayings
  }

  compose(): Request {
    const chance = this.#chance
    const count = chance.hit(0.5) ? 1 : 1 + chance.below(8)
    const sayings = Array.from({ length: count }, () => this.#say())
    const named = sayings.every(({ item }) => item.id !== undefined)
    return { sayings, idempotencyKey: named ? undefined : `key-${sayings[0]?.n}` }
  }

  #say(): Saying {
    const n = this.#sayings.length
    const fault = this.#fault()
    const said = fault ? this.#trouble(n, fault) : this.#plain(n)
    this.#sayings.push(said)
    return said
  }

  #fault(): Saying['fault'] {
    if (this.#chance.hit(this.#menu.get('bad item') ?? 0)) return 'bad'
    return this.#chance.hit(this.#menu.get('poison') ?? 0) ? 'poison' : undefined
  }

  #trouble(n: number, fault: 'bad' | 'poison'): Saying {
    const id = this.#chance.pick(TROUBLED)
    const name = fault === 'bad' ? 'x'.repeat(101) : 'poison'
    return { ...this.#event(n, { id }, name), fault }
  }

  #plain(n: number): Saying {
    const chance = this.#chance
    const isHot = chance.hit(this.#menu.get('hot person') ?? 0)
    const id = isHot ? 'p0' : `p${chance.below(this.#people)}`
    const drawn = chance.next()
    if (drawn < 0.5) return this.#event(n, { id }, 'tick')
    if (drawn < 0.72) return this.#identify(n, id)
    if (drawn < 0.76) return this.#of(n, id, { action: 'delete' })
    if (drawn < 0.79) return this.#of(n, id, { action: chance.hit(0.4) ? 'suppress' : 'unsuppress' })
    if (drawn < 0.82) return this.#merge(n, id)
    if (drawn < 0.87) return this.#device(n, id)
    if (drawn < 0.91) return this.#event(n, { email: `${id}@x.org` }, 'tick')
    if (drawn < 0.95) return this.#event(n, { anonymous_id: anonymousOf(id) }, 'tick')
    if (drawn < 0.98) return this.#event(n, { id: chance.pick(TROUBLED) }, 'tick')
    return this.#object(n)
  }

  /** With a ULID of the application, an id of another form, or none; each must take effect once. */
  #event(n: number, identifiers: Readonly<Record<string, string>>, name: string): Saying {
    const [[kind, value] = ['', '']] = Object.entries(identifiers)
    const drawn = this.#chance.below(3)
    const id = drawn === 0 ? ulidOf(n) : drawn === 1 ? `order-${n}` : undefined
    const item = {
      type: 'person',
      identifiers,
      action: 'event',
      name,
      ...(id === undefined ? {} : { id }),
      ...(this.#chance.hit(0.3) ? { timestamp: this.#now() } : {}),
      attributes: { n },
    }
    return { n, item, subject: `${kind}:${value}`, isEvent: true, fault: undefined }
  }

  /** A few attributes, so that later ones overwrite earlier ones; sometimes the address, which joins two keys. */
  #identify(n: number, id: string): Saying {
    const chance = this.#chance
    const attributes: Record<string, unknown> = { [`a${chance.below(3)}`]: n }
    if (chance.hit(0.2)) attributes.email = `${id}@x.org`
    if (chance.hit(0.1)) attributes.anonymous_id = anonymousOf(id)
    const stamped = chance.hit(0.5) ? { timestamp: this.#now() } : {}
    return this.#of(n, id, { action: 'identify', ...stamped, attributes })
  }

  #merge(n: number, id: string): Saying {
    const other = `p${this.#chance.below(this.#people)}`
    const secondary = other === id ? 'p-none' : other
    const item = { type: 'person', action: 'merge', primary: { id }, secondary: { id: secondary } }
    return { n, item, subject: `id:${id}`, isEvent: false, fault: undefined }
  }

  #device(n: number, id: string): Saying {
    const token = `t${this.#chance.below(2)}`
    const action = this.#chance.hit(0.6) ? 'add_device' : 'delete_device'
    return this.#of(n, id, { action, device: { token, platform: 'ios', last_used: n } })
  }

  #object(n: number): Saying {
    const identifiers = { object_type_id: '1', object_id: `o${this.#chance.below(2)}` }
    const item = { type: 'object', action: 'identify', identifiers, attributes: { n } }
    return { n, item, subject: `object:${identifiers.object_id}`, isEvent: false, fault: undefined }
  }

  #of(n: number, id: string, more: Said): Saying {
    const item = { type: 'person', identifiers: { id }, ...more }
    return { n, item, subject: `id:${id}`, isEvent: false, fault: undefined }
  }

  #now(): number {
    this.#second += this.#chance.below(3)
    return this.#second
  }
}

/** Of one person only: whom a contested id belongs to at Customer.io depends on the order between people. */
const anonymousOf = (id: string): string => `of-${id}`

const ulidOf = (n: number): string => `01KDZZZZZZ${String(n).padStart(16, '0')}`
