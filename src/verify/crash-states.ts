/**
 * The states in which a loss of power may leave a disk, made from a journal of what was done to it. Only what was synced is
 * sure. Of the rest a disk may have written any part, in any order: every write is there whole, or lacks any of its sectors
 * of 512 bytes, or is not there at all, and the file may have grown for one that is not there. A name in a directory is
 * sure only when the directory was synced; until then each name is as it was, or as any of the operations on it left it.
 */
import { truncateSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Random } from '../core/clock.ts'
import type { DiskOp } from './disk-journal.ts'

const SECTOR = 512

type Change = Extract<DiskOp, { kind: 'write' | 'truncate' }>

class DiskFile {
  /** Its length is all that matters: 8 MB that are kept back would have to be written for every state. */
  readonly isHollow: boolean
  /** What is surely on the disk. The buffer may be longer. */
  #bytes = Buffer.alloc(64 * 1024)
  #size = 0
  #pending: Change[] = []

  constructor(isHollow: boolean) {
    this.isHollow = isHollow
  }

  get size(): number {
    return this.#size
  }

  change(op: Change): void {
    if (this.isHollow)
      this.#size = op.kind === 'write' ? Math.max(this.#size, op.at + op.data.length) : op.size
    else if (op.kind === 'write' && op.synced) this.#apply(op)
    else this.#pending.push(op)
  }

  sync(): void {
    for (const op of this.#pending) this.#apply(op)
    this.#pending = []
  }

  #apply(op: Change): void {
    const end = op.kind === 'write' ? op.at + op.data.length : op.size
    if (end > this.#bytes.length) {
      const larger = Buffer.alloc(2 * end)
      this.#bytes.copy(larger)
      this.#bytes = larger
    }
    if (op.kind === 'write') op.data.copy(this.#bytes, op.at)
    else this.#bytes.fill(0, end) // what a file grows by later is zeros
    this.#size = op.kind === 'write' ? Math.max(this.#size, end) : end
  }

  /** As it may be found, by a fate for each change that is not sure. */
  found(fate: Fate, inFlight: Change | undefined): Buffer {
    const pending = inFlight === undefined ? this.#pending : [...this.#pending, inFlight]
    const sizes = pending.map((op) => (op.kind === 'write' ? op.at + op.data.length : op.size))
    const bytes = Buffer.alloc(Math.max(this.#size, ...sizes))
    this.#bytes.copy(bytes, 0, 0, this.#size)
    let size = this.#size
    for (const [index, op] of pending.entries()) {
      if (op.kind === 'truncate') {
        if (!fate.isDone(index, pending.length)) continue
        bytes.fill(0, op.size)
        size = op.size
      } else size = Math.max(size, this.#scatter(op, bytes, { index, of: pending.length, fate }))
    }
    return bytes.subarray(0, size)
  }

  /** Returns how far the file reaches for it. */
  #scatter(op: Extract<Change, { kind: 'write' }>, bytes: Buffer, { index, of, fate }: Turn): number {
    if (!fate.isDone(index, of)) return fate.grows() ? op.at + op.data.length : 0
    let end = 0
    for (let from = 0; from < op.data.length; ) {
      const to = Math.min(op.data.length, from + SECTOR - ((op.at + from) % SECTOR))
      if (fate.keepsSector()) {
        op.data.copy(bytes, op.at + from, from, to)
        end = op.at + to
      }
      from = to
    }
    return fate.grows() ? op.at + op.data.length : end
  }
}

interface Turn {
  readonly index: number
  readonly of: number
  readonly fate: Fate
}

/** How a disk treated what it had not been told to sync. */
interface Fate {
  isDone(index: number, of: number): boolean
  keepsSector(): boolean
  /** Whether a file grew for what is not there. */
  grows(): boolean
}

function drawFate(random: Random): Fate {
  const grows = () => random() < 0.5
  switch (Math.floor(random() * 5)) {
    case 0: // nothing of it was written
      return { isDone: () => false, keepsSector: () => true, grows: () => false }
    case 1: // all of it was, as when only the process dies
      return { isDone: () => true, keepsSector: () => true, grows: () => false }
    case 2: // some, in any order
      return { isDone: () => random() < 0.5, keepsSector: () => true, grows }
    case 3:
      return tearing(random(), random)
    default:
      return cutting(random(), random)
  }
}

/** Of everything, this share of the sectors. */
const tearing = (share: number, random: Random): Fate => ({
  isDone: () => true,
  keepsSector: () => random() < share,
  grows: () => random() < 0.5,
})

/** In order, up to this share of the changes, of which the last is torn. */
function cutting(share: number, random: Random): Fate {
  let isLast = false
  return {
    isDone: (index, of) => {
      const last = Math.floor(share * of)
      isLast = index === last
      return index <= last
    },
    keepsSector: () => !isLast || random() < 0.5,
    grows: () => random() < 0.5,
  }
}

type Names = Map<string, DiskFile>
type Renaming = (names: Names) => void

/** Where every file of one directory stands, operation by operation. */
export class DiskModel {
  /** By inode; one that is used again is another file. */
  readonly #files = new Map<number, DiskFile>()
  readonly #names: Names = new Map()
  readonly #unsure: Renaming[] = []

  apply(op: DiskOp): void {
    if (op.kind === 'write' || op.kind === 'truncate') this.#files.get(op.file)?.change(op)
    else if (op.kind === 'sync') this.#sync(op)
    else if (op.kind === 'open') this.#open(op)
    else if (op.kind !== 'mark') this.#rename(op)
  }

  #sync({ file, directory }: Extract<DiskOp, { kind: 'sync' }>): void {
    if (!directory) this.#files.get(file)?.sync()
    else for (const rename of this.#unsure.splice(0)) rename(this.#names)
  }

  #open({ file, path, created, emptied }: Extract<DiskOp, { kind: 'open' }>): void {
    if (created) {
      const made = new DiskFile(path.endsWith('.reserve'))
      this.#files.set(file, made)
      this.#unsure.push((names) => names.set(path, made))
    } else if (emptied) this.#files.get(file)?.change({ kind: 'truncate', file, size: 0 })
  }

  #rename(op: Extract<DiskOp, { kind: 'unlink' | 'rename' }>): void {
    const file = this.#files.get(op.file)
    this.#unsure.push((names) => {
      names.delete(op.path)
      if (op.kind === 'rename' && file) names.set(op.to, file)
    })
  }

  /** Writes one state in which the disk may be found while `op` is under way. */
  materialize(directory: string, op: DiskOp | undefined, random: Random): void {
    const names: Names = new Map(this.#names)
    const share = random()
    for (const rename of this.#unsure) if (random() < share) rename(names)
    for (const [path, file] of names) {
      const to = join(directory, basename(path))
      const isChange = op?.kind === 'write' || op?.kind === 'truncate'
      const inFlight = isChange && this.#files.get(op.file) === file ? op : undefined
      writeFileSync(to, file.isHollow ? '' : file.found(drawFate(random), inFlight))
      if (file.isHollow) truncateSync(to, file.size)
    }
  }
}
