/**
 * How far a group is in a partition, as Kafka keeps it: the committed offset is the lowest unsettled record, and what was
 * settled above it stands in the metadata beside it, so that a restart repeats little.
 */
import { packSaved, type Range, type Saved, unpackSaved } from './progress.ts'

const MARK = 's1:'
/**
 * The broker keeps 4096 characters (offset.metadata.max.bytes). In base 64 they hold 3069 bytes; a gap between settled
 * records takes 2 to 4 of them, so 760 to 1530 gaps are kept for every lane. What lies above more gaps comes again.
 */
const MAX_BYTES = Math.floor(((4096 - MARK.length) * 3) / 4)
/** More never fit: a gap and what is settled after it take a byte each at the least. */
export const MOST_GAPS = Math.floor(MAX_BYTES / 2)

export interface Committed {
  readonly offset: number
  readonly metadata: string
}

export function encodePosition(saved: Saved): Committed {
  const [position = 0, ...numbers] = packSaved(saved)
  const bytes: number[] = []
  for (let at = 0; at + 1 < numbers.length; at += 2) {
    const range = [...varint(numbers[at] ?? 0), ...varint(numbers[at + 1] ?? 0)]
    if (bytes.length + range.length > MAX_BYTES) break
    bytes.push(...range)
  }
  return {
    offset: position,
    metadata: bytes.length === 0 ? '' : MARK + Buffer.from(bytes).toString('base64url'),
  }
}

/** Metadata of another's making, or that someone has cut, says nothing: only the offset counts then. */
export function decodePosition({ offset, metadata }: Committed): Saved {
  if (!metadata.startsWith(MARK)) return { position: offset, above: [] }
  const numbers = readVarints(Buffer.from(metadata.slice(MARK.length), 'base64url'))
  const saved = unpackSaved([offset, ...numbers])
  return saved.above.every(isRange) ? saved : { position: offset, above: [] }
}

/** How many offsets are settled above the position. */
export const settledAbove = ({ above }: Saved): number =>
  above.reduce((sum, { from, to }) => sum + to - from + 1, 0)

const isRange = ({ from, to }: Range): boolean => Number.isSafeInteger(to) && to >= from

function varint(number: number): number[] {
  const bytes: number[] = []
  let rest = number
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
  return [...bytes, rest]
}

function readVarints(bytes: Uint8Array): number[] {
  const numbers: number[] = []
  let number = 0
  let unit = 1
  for (const byte of bytes) {
    number += (byte & 127) * unit
    unit *= 128
    if (byte >= 128) continue
    numbers.push(number)
    number = 0
    unit = 1
  }
  return numbers
}
