/** A terminal that is none: what a command writes is kept, and its clock and signals are in the hands of a test. */

import { run } from '../../src/cli/cli.ts'
import type { Host, Signal } from '../../src/cli/host.ts'
import type { Clock } from '../../src/core/clock.ts'

export interface TerminalOptions {
  readonly env?: Record<string, string>
  readonly cwd?: string
  /** What is piped in; undefined: a person sits at the terminal. */
  readonly stdin?: string
  readonly tty?: boolean
}

export interface Ran {
  readonly exit: number
  readonly stdout: string
  readonly stderr: string
}

export class Terminal {
  stdout = ''
  stderr = ''
  /** How the process was ended at once, if it was. */
  exited: number | undefined
  readonly host: Host
  readonly #listeners = new Set<(signal: Signal) => void>()
  readonly #watchers = new Set<() => void>()

  constructor({ env = {}, cwd = '/nowhere', stdin, tty = false }: TerminalOptions = {}) {
    const write = (name: 'stdout' | 'stderr') => (text: string) => {
      this[name] += text
      for (const watcher of this.#watchers) watcher()
    }
    this.host = {
      stdin: Object.assign(piped(stdin), { isTTY: stdin === undefined }),
      stdout: { write: write('stdout'), isTTY: tty },
      stderr: { write: write('stderr'), isTTY: tty },
      env,
      cwd,
      clock: hurried(),
      onSignal: (listener) => {
        this.#listeners.add(listener)
        return () => this.#listeners.delete(listener)
      },
      exit: (code) => {
        this.exited = code
      },
    }
  }

  async run(...words: readonly string[]): Promise<Ran> {
    const exit = await run(words, this.host)
    return { exit, stdout: this.stdout, stderr: this.stderr }
  }

  signal(signal: Signal): void {
    for (const listener of this.#listeners) listener(signal)
  }

  /** Resolves once something that matches was written to either stream. */
  async said(pattern: RegExp): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const look = () => pattern.test(this.stdout + this.stderr) && resolve()
    this.#watchers.add(look)
    look()
    await promise
    this.#watchers.delete(look)
  }
}

async function* piped(text: string | undefined): AsyncGenerator<string> {
  if (text !== undefined) yield text
}

/** Sleeping moves this clock and takes no time, but lets everything else run. */
function hurried(): Clock {
  let now = Date.parse('2026-11-24T12:00:00Z')
  return {
    now: () => now,
    mono: () => now,
    sleep: async (ms) => {
      await new Promise((resolve) => setImmediate(resolve))
      now += ms
    },
  }
}

/** One command, without anything around it. */
export const sluice = (...words: readonly string[]): Promise<Ran> => new Terminal().run(...words)

export const sluiceWith = (options: TerminalOptions, ...words: readonly string[]): Promise<Ran> =>
  new Terminal(options).run(...words)
