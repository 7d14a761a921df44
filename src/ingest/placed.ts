/** An operation as it is put on the bus, under the key that orders it. Pure. */
import { type BusRecord, HEADER, type Headers } from '../core/record.ts'
import type { Placement } from './keys.ts'
import { writeLinks } from './owed-links.ts'
import { type Operation, PlainEvent } from './stamp.ts'

/** What a request says for all its operations. */
interface Said {
  readonly headers: Headers
  /** When Sluice received it, milliseconds since 1970. */
  readonly at: number
}

/** A class for the same reason as an operation is of one (stamp.ts): those that wait for the disk outlive a collection. */
class Placed implements BusRecord {
  readonly id: string
  readonly key: string
  readonly kind: string
  readonly at: number
  readonly headers: Headers
  readonly value: string

  constructor({ id, kind, value }: Operation, key: string, { headers, at }: Said) {
    this.id = id
    this.key = key
    this.kind = kind
    this.at = at
    this.headers = headers
    this.value = value
  }
}

export function makeRecord(operation: Operation, { key, alsoKeys, links }: Placement, said: Said): BusRecord {
  if (operation instanceof PlainEvent && operation.key === key && alsoKeys.length === 0) return operation
  const { stamped, own } = operation
  if (alsoKeys.length === 0 && !stamped && own === undefined) return new Placed(operation, key, said)
  const more: Record<string, string> = { ...said.headers, ...own }
  if (alsoKeys.length > 0) more[HEADER.alsoKeys] = JSON.stringify(alsoKeys)
  if (links.length > 0) more[HEADER.links] = writeLinks(links)
  if (stamped) more[HEADER.stamped] = '1'
  return new Placed(operation, key, { headers: more, at: said.at })
}
