/** What can happen to the files of a log while nobody looks: bits, pages, lengths, and files of different times. */
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Random } from '../core/clock.ts'

export interface Mutation {
  readonly name: string
  /** Changes the files in the directory, which is a copy. */
  apply(directory: string): void
}

const PAGE = 4096
export const LOG_FILES = ['log.db', 'log.db-wal', 'log.anchor'] as const

type Change = (bytes: Buffer) => Buffer

const changed = (name: string, file: string, change: Change): Mutation => ({
  name: `${file}: ${name}`,
  apply: (directory) => {
    const path = join(directory, file)
    writeFileSync(path, change(Buffer.from(readFileSync(path))))
  },
})

const flipped = (file: string, at: number, bit: number): Mutation =>
  changed(`bit ${bit} of byte ${at} flipped`, file, (bytes) => {
    bytes[at] = (bytes[at] ?? 0) ^ (1 << bit)
    return bytes
  })

/** Every page of a file of this size: one bit of it flipped, all of it zero, all of it noise. */
export function pageMutations(file: string, size: number, random: Random): Mutation[] {
  return Array.from({ length: Math.ceil(size / PAGE) }, (_, page) => {
    const from = page * PAGE
    const to = Math.min(size, from + PAGE)
    const noise = Buffer.from(Array.from({ length: to - from }, () => Math.floor(random() * 256)))
    return [
      flipped(file, from + Math.floor(random() * (to - from)), Math.floor(random() * 8)),
      changed(`page ${page} zero`, file, (bytes) => bytes.fill(0, from, to)),
      changed(`page ${page} noise`, file, (bytes) => {
        noise.copy(bytes, from)
        return bytes
      }),
    ]
  }).flat()
}

export const randomBit = (file: string, size: number, random: Random): Mutation =>
  flipped(file, Math.floor(random() * size), Math.floor(random() * 8))

export const cutShort = (file: string, size: number, random: Random): Mutation => {
  const to = Math.floor(random() * size)
  return changed(`cut to ${to} bytes`, file, (bytes) => bytes.subarray(0, to))
}

/** Some files gone, the others from these directories: `{ 'log.db-wal': earlier }`. */
export const mixed = (name: string, sources: Readonly<Record<string, string | undefined>>): Mutation => ({
  name,
  apply: (directory) => {
    for (const [file, from] of Object.entries(sources))
      if (from === undefined) rmSync(join(directory, file), { force: true })
      else copyFileSync(join(from, file), join(directory, file))
  },
})
