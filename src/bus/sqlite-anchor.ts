/**
 * The anchor: a small file that says how far the log must reach. SQLite's WAL forgets in silence: one flipped bit in
 * it, and every later commit is gone at the next opening, acknowledged or not, with an integrity check that says "ok".
 *
 * After every commit and before its acknowledgement, the head and the checksum chain of every topic are written to one
 * of two slots in turn, so that a torn write leaves the other. The write blocks like the commit before it: together they
 * are the cost of a group.
 */
import { crc32 } from 'node:zlib'
import { SluiceError } from '../core/errors.ts'
import type { Disk, SyncedFile } from '../sqlite/disk.ts'

/** About 60 bytes for each topic: room for a thousand of them. */
const SLOT = 64 * 1024

export interface Head {
  /** The lowest offset kept. */
  readonly first: number
  readonly head: number
  readonly chain: number
}

export type Heads = ReadonlyMap<string, Head>

interface Content {
  readonly turn: number
  /** Of the database beside it. Anchors from before there were seals have neither it nor `first`. */
  readonly format?: number
  readonly heads: readonly (readonly [topic: string, head: number, chain: number, first?: number])[]
}

export class Anchor {
  readonly #file: SyncedFile
  #turn: number
  /** What it said when it was opened; undefined when it was not there or no slot can be read. */
  readonly heads: Heads | undefined
  /** The format of the database when it was last written. */
  readonly format: number | undefined

  /** Opens the file, or makes it, with its blocks, so that later writes change nothing but data. */
  constructor(path: string, disk: Disk) {
    this.#file = disk.syncedFile(path)
    const content = [this.#read(0), this.#read(1)].reduce(newer)
    this.#turn = content?.turn ?? 0
    this.format = content?.format
    this.heads =
      content &&
      new Map(content.heads.map(([topic, head, chain, first = 0]) => [topic, { first, head, chain }]))
    if (this.#file.size < 2 * SLOT && content === undefined) this.#file.extend(2 * SLOT)
  }

  /** Returns when the disk has it. Whatever it throws, nothing more may be acknowledged. */
  write(heads: Heads, format: number): void {
    this.#turn += 1
    const rows = [...heads].map(([topic, { head, chain, first }]) => [topic, head, chain, first] as const)
    const slot = encode({ turn: this.#turn, format, heads: rows })
    const written = this.#file.write((this.#turn % 2) * SLOT, slot)
    if (written !== slot.length)
      throw new SluiceError('storage_failed', `The anchor took ${written} of ${slot.length} bytes.`)
  }

  close(): void {
    this.#file.close()
  }

  #read(slot: number): Content | undefined {
    return decode(this.#file.read(slot * SLOT, SLOT).toString('utf8'))
  }
}

/** A line: the checksum in hexadecimal, a space, JSON. */
function encode(content: Content): Buffer {
  const text = JSON.stringify(content)
  const slot = Buffer.from(`${crc32(text).toString(16)} ${text}\n`)
  if (slot.length > SLOT)
    throw new SluiceError('bad_config', 'The bus has more topics than its anchor can hold.')
  return slot
}

function decode(slot: string): Content | undefined {
  const line = slot.slice(0, slot.indexOf('\n'))
  const text = line.slice(line.indexOf(' ') + 1)
  if (text === '' || line.slice(0, line.indexOf(' ')) !== crc32(text).toString(16)) return undefined
  return JSON.parse(text) as Content // the checksum has shown that encode wrote it
}

const newer = (one: Content | undefined, other: Content | undefined): Content | undefined =>
  one && other ? (one.turn > other.turn ? one : other) : (one ?? other)
