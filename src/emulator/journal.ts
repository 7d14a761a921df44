/**
 * What the emulator accepted, in a file: one line of JSON for each request, written before the answer, so that a process
 * that is killed loses nothing it answered. It is not synced: a power cut may lose the last seconds, which is enough for a
 * tool of development. A snapshot takes the place of a long journal at the next start.
 */
import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { deserialize, serialize } from 'node:v8'
import { SluiceError } from '../core/errors.ts'
import { elements, isObject, memberMap, parseJson } from '../core/json.ts'
import { type Item, readItem } from './item.ts'
import { newState, type Segment, type State } from './state.ts'

export interface Entry {
  /** 1, 2, 3, … */
  readonly n: number
  /** When it was accepted: milliseconds since 1970. */
  readonly at: number
  readonly items: readonly Item[]
}

/** 1 had a set of members for a segment, and no exports. */
const FORMAT = 2

export class Journal {
  readonly #directory: string
  readonly #fd: number
  #bytes: number

  /** Opens or creates. Throws `bad_config` when the directory cannot be used. */
  constructor(directory: string) {
    this.#directory = directory
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 })
      this.#fd = openSync(join(directory, 'journal.ndjson'), 'a+')
    } catch (cause) {
      throw new SluiceError('bad_config', `The emulator cannot write to ${directory}.`, { cause })
    }
    this.#bytes = fstatSync(this.#fd).size
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Throws `storage_full` when it cannot be written; nothing of the entry is left behind then. */
  append({ n, at, items }: Entry): void {
    // Within valid JSON a line break can only be white space between tokens.
    const texts = items.map(({ text }) => text.replace(/[\r\n]/g, ' '))
    const line = Buffer.from(`{"n":${n},"at":${at},"items":[${texts.join(',')}]}\n`)
    try {
      for (let from = 0; from < line.length; ) from += writeSync(this.#fd, line, from)
    } catch (cause) {
      ftruncateSync(this.#fd, this.#bytes)
      throw new SluiceError('storage_full', 'The journal of the emulator cannot be written.', { cause })
    }
    this.#bytes += line.length
  }

  /**
   * Every entry, in order. What follows the last line break was cut off by a crash before it was answered, and is taken
   * away. Throws `log_damaged` for a line that is none of ours.
   */
  *entries(): Generator<Entry> {
    let end = 0
    for (const { text, next } of lines(this.#fd)) {
      const entry = entryIn(text)
      if (entry === undefined)
        throw new SluiceError('log_damaged', `The journal in ${this.#directory} is damaged at byte ${end}.`, {
          hint: 'Delete the directory to start the emulator with an empty workspace.',
        })
      yield entry
      end = next
    }
    if (end === this.#bytes) return
    ftruncateSync(this.#fd, end)
    this.#bytes = end
  }

  /** The state in the snapshot, if there is one. Throws `newer_format` when a later version wrote it. */
  snapshot(): State | undefined {
    const path = this.#path('snapshot')
    if (!existsSync(path)) return undefined
    const { format, state } = deserialize(readFileSync(path)) as { format: number; state: State } // compact wrote it
    if (format > FORMAT)
      throw new SluiceError('newer_format', `${path} has format ${format}; known is ${FORMAT}.`)
    return format === 1 ? upgraded(state) : state
  }

  /** Writes the state as a snapshot and empties the journal. A crash in between is harmless: entries are numbered. */
  compact(state: State): void {
    const fd = openSync(this.#path('snapshot.new'), 'w')
    writeFileSync(fd, serialize({ format: FORMAT, state }))
    fsyncSync(fd)
    closeSync(fd)
    renameSync(this.#path('snapshot.new'), this.#path('snapshot'))
    this.#empty()
  }

  /** Forgets everything. */
  clear(): void {
    this.#empty()
    rmSync(this.#path('snapshot'), { force: true })
  }

  close(): void {
    closeSync(this.#fd)
  }

  #empty(): void {
    ftruncateSync(this.#fd, 0)
    this.#bytes = 0
  }

  #path(name: string): string {
    return join(this.#directory, name)
  }
}

/** A snapshot of format 1, in which a segment was its set of members. */
function upgraded(state: State): State {
  const segments = new Map<string, Segment>()
  for (const [id, members] of state.segments as unknown as Map<string, Set<string>>)
    segments.set(id, { name: `Segment ${id}`, description: '', createdAt: 0, members })
  return { ...newState(), ...state, segments }
}

function entryIn(text: string): Entry | undefined {
  const value = parseJson(text)
  if (!isObject(value) || !Array.isArray(value.items)) return undefined
  const values: unknown[] = value.items
  const items: Item[] = []
  for (const [index, itemText] of elements(memberMap(text).get('items') ?? '[]').entries()) {
    const itemValue = values[index]
    items.push(isObject(itemValue) ? { text: itemText, value: itemValue } : readItem('{}'))
  }
  return { n: Number(value.n), at: Number(value.at), items }
}

const CHUNK = 1024 * 1024

/** The whole lines of a file with the offset after each; what follows the last line break is none. */
function* lines(fd: number): Generator<{ text: string; next: number }> {
  const chunk = Buffer.alloc(CHUNK)
  let rest = Buffer.alloc(0)
  let offset = 0
  for (let read = 0; ; offset += read) {
    read = readSync(fd, chunk, 0, CHUNK, offset)
    if (read === 0) break
    const data = Buffer.concat([rest, chunk.subarray(0, read)])
    const start = offset - rest.length
    let from = 0
    for (let end = data.indexOf(10); end >= 0; end = data.indexOf(10, from)) {
      yield { text: data.toString('utf8', from, end), next: start + end + 1 }
      from = end + 1
    }
    rest = data.subarray(from)
  }
}
