/**
 * The one that writes the log: a change becomes one transaction with one fsync, and then the anchor says so. It is
 * synchronous and has its own connection, so that it can do its work on a thread of its own (sqlite-thread.ts), where
 * the event loop takes requests while the disk works; or in this one, where a simulation wants it.
 */
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { toStorageError, transaction } from '../sqlite/database.ts'
import type { Disk } from '../sqlite/disk.ts'
import { isFull, Space } from '../sqlite/space.ts'
import type { Anchor, Heads } from './sqlite-anchor.ts'
import { type Chains, type Change, type Sealed, seal } from './sqlite-change.ts'
import { MIGRATIONS, type Tables } from './sqlite-tables.ts'

export interface Writer {
  /**
   * Resolves with the chains of its topics when the change is on the disk. Throws `storage_full` or `too_many_files` (nothing was stored);
   * anything else leaves in doubt what is stored, and nothing more may be written.
   */
  write(change: Change): Promise<Chains>
  /** Resolves when what was begun is done and the files are closed. */
  close(): Promise<void>
}

/** With about 1000 pages in the WAL, as is SQLite's own habit. */
const CHECKPOINT_SIZE = 4 * 1024 * 1024
/** What a commit writes to the WAL beside its records: a few pages of 4096 bytes. */
const COMMIT_SIZE = 16 * 1024

export interface LogWriterOptions {
  readonly db: DatabaseSync
  readonly tables: Tables
  readonly anchor: Anchor
  readonly disk: Disk
  /** Where log.reserve lies. */
  readonly directory: string
  readonly maxBytes?: number | undefined
  /** A checkpoint comes after this many bytes. Default 4 MB. */
  readonly checkpointBytes?: number | undefined
}

export class LogWriter {
  readonly #db: DatabaseSync
  readonly #tables: Tables
  readonly #anchor: Anchor
  readonly #path: string
  readonly #space: Space
  readonly #checkpointBytes: number
  /** Bytes written since the last checkpoint, roughly. */
  #written = 0

  constructor(options: LogWriterOptions) {
    const { db, tables, anchor, disk, directory, maxBytes, checkpointBytes = CHECKPOINT_SIZE } = options
    this.#checkpointBytes = checkpointBytes
    this.#db = db
    this.#tables = tables
    this.#anchor = anchor
    this.#path = join(directory, 'log.db')
    this.#space = new Space({ db, disk, path: join(directory, 'log.reserve'), maxBytes })
  }

  /** Returns when it is on the disk; throws as Writer's. */
  write(change: Change): Chains {
    const sealed = seal(change)
    if (sealed.chunks.length > 0) this.#space.claim()
    if (sealed.spends) this.#space.spend(() => this.#transact(sealed))
    else this.#transact(sealed)
    if (sealed.heads) this.#anchorAt(sealed.heads)
    return sealed.chains
  }

  /** Its blocks are its own from the start, but where a file system never writes in place, even that needs space. */
  #anchorAt(heads: Heads): void {
    try {
      this.#anchor.write(heads, MIGRATIONS.length)
    } catch (thrown) {
      if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOSPC')) throw thrown
      this.#space.release()
      this.#anchor.write(heads, MIGRATIONS.length)
    }
  }

  get needsCheckpoint(): boolean {
    return this.#written > this.#checkpointBytes
  }

  /** The disk may be full for it; then the WAL grows on, and it is tried again after the next commit. Throws what else fails. */
  checkpoint(): void {
    if (!this.#db.isOpen) return
    try {
      this.#db.exec('PRAGMA wal_checkpoint(PASSIVE)')
      this.#written = 0
    } catch (thrown) {
      const error = toStorageError(thrown, this.#path)
      if (!isFull(error)) throw error
    }
  }

  close(): void {
    this.#anchor.close()
    this.#db.close()
  }

  #transact(change: Sealed): void {
    this.#written += COMMIT_SIZE
    try {
      transaction(this.#db, () => this.#store(change))
    } catch (thrown) {
      throw toStorageError(thrown, this.#path)
    }
  }

  #store({ chunks, topics, groups, gaps, removals }: Sealed): void {
    const tables = this.#tables
    for (const [topic, chunk] of chunks) this.#written += tables.addChunk(topic, chunk)
    for (const [topic, below] of removals) tables.removeBelow(topic, below)
    for (const row of topics) tables.saveTopic(row)
    for (const [topic, state] of groups) tables.saveGroup(topic, state)
    for (const [topic, ranges] of gaps) tables.saveGaps(topic, ranges)
    if (removals.length > 0) this.#db.exec('PRAGMA incremental_vacuum(1000)')
  }
}

export interface InlineOptions {
  readonly writer: LogWriter
  /** Resolves in the next turn. */
  readonly turn: () => Promise<void>
  /** Told of an error of the disk that no write waits for. */
  readonly onFailure: (thrown: unknown) => void
}

/** Writes in this thread: the event loop stands still meanwhile. */
export function writeInline({ writer, turn, onFailure }: InlineOptions): Writer {
  const checkpoint = () => {
    if (writer.needsCheckpoint) writer.checkpoint()
  }
  return {
    write: async (change) => {
      const chains = writer.write(change)
      if (writer.needsCheckpoint) void turn().then(checkpoint).catch(onFailure)
      return chains
    },
    close: async () => writer.close(),
  }
}
