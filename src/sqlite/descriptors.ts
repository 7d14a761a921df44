/** Descriptors, of which a process has so many and no more. */
import { closeSync, openSync } from 'node:fs'
import { devNull } from 'node:os'
import { SluiceError, toSluiceError } from '../core/errors.ts'

/** A start takes some 26, the stores and their threads, and a look at the letters 9 more; the rest is for connections. */
const FREE = 64

/**
 * To be called before a store is opened: SQLite has one word for all that it cannot open, and a thread that cannot begin looks like a
 * disk that failed. Throws `too_many_files`.
 */
export function requireDescriptors(): void {
  const held: number[] = []
  try {
    while (held.length < FREE) held.push(openSync(devNull, 'r'))
  } catch (cause) {
    if (toSluiceError(cause).code !== 'too_many_files') return // a machine without that device
    throw new SluiceError(
      'too_many_files',
      `This process can open no more than ${held.length} files and connections; a start needs room for ${FREE}.`,
      { cause, hint: 'Raise the limit of descriptors (ulimit -n, LimitNOFILE), then start again.' },
    )
  } finally {
    for (const file of held) closeSync(file)
  }
}
