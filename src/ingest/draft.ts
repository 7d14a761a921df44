/** An operation as a caller gave it: read and judged, but without the id and the time that Sluice adds. */
import { type JsonObject, memberMap, objectText } from '../core/json.ts'
import type { Kind } from '../core/operation.ts'
import type { Headers } from '../core/record.ts'
import type { Judged } from '../preflight/finding.ts'

/** The members of one operation in Track v2 form, as JSON texts by name. */
export type Members = Map<string, string>

/** One operation in Track v2 form: the texts that are kept, and beside them what JSON.parse made of it, to look into. */
export interface Item {
  readonly value: JsonObject
  readonly members: Members
}

export interface Draft {
  readonly kind: Kind
  /** The key that the caller named; undefined for an event that names nobody. */
  readonly key: string | undefined
  /**
   * Other keys that it says belong to the same person: in an identify the id or e-mail, in a merge the secondary. In a change
   * of a segment those of the people whom it names.
   */
  readonly others: readonly string[]
  readonly members: Members
  /** Given where the text has all its members in the fixed order already, so that it can stay as it is. */
  readonly plain?: Plain
  /** Whether that text has shown that no rule has anything to say of it, but for its id and its times. */
  readonly isClear?: boolean
  /** The same as JSON.parse made it, to look into; empty where Customer.io has no form of its own for it. */
  readonly value: JsonObject
  /** What preflight found and let pass; undefined when nothing. */
  readonly findings?: readonly Judged[]
  /** The client's own id of an event, whatever its form. */
  readonly clientId: string | undefined
  /** The timestamp that the caller gave, in unix seconds; undefined when it gave none. */
  readonly seconds: number | undefined
  /** When it came in, where that was before now: milliseconds since 1970. */
  readonly at?: number
  /** What is said beside it, over what its request says for all. */
  readonly headers?: Headers
}

/** A value in two pieces, between which the id goes and, where the caller gave none, the timestamp. */
export interface Plain {
  /** All before the id. */
  readonly before: string
  /** All after it, from the comma or the closing brace on. */
  readonly after: string
}

/** The order of members in every operation, so that the v1 and the v2 form of one act become the same text. */
const ORDER = [
  'type',
  'identifiers',
  'action',
  'name',
  'id',
  'timestamp',
  'attributes',
  'device',
  'cio_relationships',
  'primary',
  'secondary',
]
const ORDERED: ReadonlySet<string> = new Set(ORDER)

/** True for members that mean something in Track v2; v1 must not bring in its own by the same name. */
export const isKnownMember = (name: string): boolean => ORDERED.has(name)

const NOBODY: readonly string[] = []

type PlainParts = Plain & Pick<Draft, 'kind' | 'key' | 'clientId' | 'seconds'> & { readonly isClear: boolean }

/** A draft that keeps its text. Its members are cut, and it is parsed, only if somebody asks for that. */
export class PlainDraft implements Draft, Plain {
  readonly kind: Kind
  readonly key: string | undefined
  readonly others = NOBODY
  readonly clientId: string | undefined
  readonly seconds: number | undefined
  readonly before: string
  readonly after: string
  readonly isClear: boolean

  constructor({ kind, key, clientId, seconds, before, after, isClear }: PlainParts) {
    this.kind = kind
    this.key = key
    this.clientId = clientId
    this.seconds = seconds
    this.before = before
    this.after = after
    this.isClear = isClear
  }

  get plain(): Plain {
    return this
  }

  get members(): Members {
    return memberMap(this.#text)
  }

  get value(): JsonObject {
    return JSON.parse(this.#text) as JsonObject // it was cut as an object
  }

  get #text(): string {
    const id = this.clientId === undefined ? '' : `,"id":${JSON.stringify(this.clientId)}`
    return `${this.before}${id}${this.after}`
  }
}

/** The operation's value: known members in their fixed order, then all others in the order in which they came. */
export function writeValue(members: Members): string {
  return objectText(inOrder(members))
}

function* inOrder(members: Members): Generator<readonly [string, string]> {
  for (const name of ORDER) {
    const text = members.get(name)
    if (text !== undefined) yield [name, text]
  }
  for (const member of members) if (!ORDERED.has(member[0])) yield member
}
