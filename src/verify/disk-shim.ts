/** The shim between a process and its disk (disk-shim.c): compiled where the proof runs, told what to do while it runs. */
import { execFile } from 'node:child_process'
import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** From src/verify/ as from dist/verify/: the package brings the C file along. */
const SOURCE = join(import.meta.dirname, '../../src/verify/disk-shim.c')

/** Compiles the shim into the directory. Returns its path, or why there is none: a proof then says that it was left out. */
export async function compileShim(directory: string): Promise<{ path: string } | { leftOut: string }> {
  if (process.platform !== 'linux') return { leftOut: 'the disk is intercepted by LD_PRELOAD, on Linux only' }
  const path = join(directory, 'disk-shim.so')
  try {
    await promisify(execFile)('gcc', ['-O2', '-shared', '-fPIC', '-o', path, SOURCE, '-ldl', '-lpthread'])
    return { path }
  } catch (thrown) {
    return {
      leftOut: `gcc did not compile the shim between process and disk: ${String(thrown).slice(0, 300)}`,
    }
  }
}

export interface ShimOptions {
  readonly shim: string
  /** The directory that is watched. */
  readonly directory: string
  readonly journal?: string
  readonly control?: string
}

/** The environment of a process whose disk is intercepted. */
export const shimmed = ({ shim, directory, journal, control }: ShimOptions): Record<string, string> => ({
  LD_PRELOAD: shim,
  SLUICE_SHIM_DIR: directory,
  ...(journal && { SLUICE_SHIM_JOURNAL: journal }),
  ...(control && { SLUICE_SHIM_CONTROL: control }),
})

/** The words of `struct control`, in their order. */
const WORDS = [
  'calls',
  'countdown',
  'error',
  'sticky',
  'stallMs',
  'counted',
  'injected',
  'atMs',
  'quota',
  'used',
  'lies',
] as const
type Words = Record<(typeof WORDS)[number], number>

const CALLS = { sync: 1, write: 2, read: 4 } as const
/** Linux's numbers of errors; KILL, and LIE, which says that all is well, are the shim's own. */
const ERRORS = { EIO: 5, ENOSPC: 28, KILL: -1, LIE: -2, none: 0 } as const

export interface PlannedFault {
  readonly call: keyof typeof CALLS
  /** Counted from 1. */
  readonly nth: number
  readonly error?: keyof typeof ERRORS
  readonly stallMs?: number
  /** Whether every later call of the kind meets it too. */
  readonly sticky?: boolean
}

/** What the shim of a running process does; the process maps the file, so that it takes effect at once. */
export class ShimControl implements Disposable {
  readonly path: string
  readonly #file: number

  constructor(path: string) {
    this.path = path
    this.#file = openSync(path, 'w+', 0o600)
    writeSync(this.#file, Buffer.alloc(WORDS.length * 8))
  }

  /** Plans a fault for the calls from now on, in place of any other. */
  plan({ call, nth, error = 'none', stallMs = 0, sticky = false }: PlannedFault): void {
    this.#write({ calls: 0, counted: 0, injected: 0, atMs: 0 })
    this.#write({ countdown: nth, error: ERRORS[error], stallMs, sticky: Number(sticky) })
    this.#write({ calls: CALLS[call] }) // last, so that nothing is met half planned
  }

  /** No fault, from now on. */
  end(): void {
    this.#write({ calls: 0, countdown: 0, sticky: 0 })
  }

  /** From now on the disk has so many bytes left. `lies`: what finds no room is said to be done. */
  leave(bytes: number, lies = false): void {
    this.#write({ quota: this.read().used + bytes, lies: Number(lies) })
  }

  read(): Words {
    const bytes = Buffer.alloc(WORDS.length * 8)
    readSync(this.#file, bytes, 0, bytes.length, 0)
    return Object.fromEntries(
      WORDS.map((word, at) => [word, Number(bytes.readBigInt64LE(at * 8))]),
    ) as unknown as Words // a word for each of WORDS
  }

  #write(words: Partial<Words>): void {
    for (const [at, word] of WORDS.entries()) {
      const value = words[word]
      if (value === undefined) continue
      const bytes = Buffer.alloc(8)
      bytes.writeBigInt64LE(BigInt(value))
      writeSync(this.#file, bytes, 0, 8, at * 8)
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#file)
  }
}
