/** `sluice serve`, the executable itself, in a process whose disk is intercepted. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { systemClock } from '../core/clock.ts'
import { SluiceError } from '../core/errors.ts'
import { within } from '../core/within.ts'

const EXECUTABLE = join(import.meta.dirname, '../../bin/sluice.js')

/** Calls under way at the end are cut after 10 s. */
const START_MS = 3 * 60_000
const END_MS = 2 * 60_000

export interface ServeOptions {
  readonly directory: string
  readonly trackUrl: string
  /** Of the shim, and settings. */
  readonly env: Readonly<Record<string, string>>
  /** Where Node keeps what it compiled: a proof starts hundreds of processes of the same code. */
  readonly cache: string
}

export interface Exit {
  readonly code: number | null
  /** Milliseconds since 1970. */
  readonly at: number
}

export class ServeProcess implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly exited: Promise<Exit>
  /** Where it listens; undefined when it ended before. Rejects with `timed_out`. */
  readonly url: Promise<string | undefined>

  constructor({ directory, trackUrl, env, cache }: ServeOptions) {
    const settings = {
      SLUICE_DATA_DIR: directory,
      SLUICE_PORT: '0',
      SLUICE_LOG_LEVEL: 'silent',
      SLUICE_ADMIN_TOKEN: 'dev',
      CUSTOMERIO_SITE_ID: 'dev',
      CUSTOMERIO_API_KEY: 'dev',
      CUSTOMERIO_TRACK_URL: trackUrl,
      NODE_COMPILE_CACHE: cache,
    }
    const stdio: ['ignore', 'pipe', 'ignore'] = ['ignore', 'pipe', 'ignore']
    const child = spawn(process.execPath, [EXECUTABLE, 'serve', '--json'], {
      env: { ...settings, ...env },
      stdio,
    })
    this.#child = child
    this.exited = once(child, 'exit').then(([code]) => ({ code, at: Date.now() }))
    const url = readUrl(child)
    this.url = within(systemClock, START_MS, url).then((came) => (came ? url : this.#late()))
  }

  #late(): never {
    this.#child.kill('SIGKILL')
    throw new SluiceError(
      'timed_out',
      `The gateway did not say within ${START_MS / 1000} s where it listens.`,
    )
  }

  /** Ends it, and resolves when it is gone. Throws `timed_out` when it hangs, and ends it all the same. */
  async end(signal: NodeJS.Signals): Promise<void> {
    this.#child.kill(signal)
    if (await within(systemClock, END_MS, this.exited)) return
    this.#child.kill('SIGKILL')
    await this.exited
    throw new SluiceError('timed_out', `The gateway did not end within ${END_MS / 1000} s of ${signal}.`)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.end('SIGKILL')
  }
}

async function readUrl(child: ChildProcess): Promise<string | undefined> {
  if (child.stdout === null) return undefined
  for await (const line of createInterface({ input: child.stdout })) {
    const { event, url } = JSON.parse(line) as { event?: string; url?: string } // the executable's --json
    if (event !== 'ready') continue
    child.stdout.resume()
    return url
  }
  return undefined
}
