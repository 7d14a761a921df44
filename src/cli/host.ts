/** What a command has of the machine it runs on: given to it, so that a test can stand in for a terminal. */
import { type Environment, processEnvironment } from '../config.ts'
import { type Clock, systemClock } from '../core/clock.ts'

export interface OutStream {
  write(text: string): unknown
  readonly isTTY?: boolean
  readonly columns?: number
}

export interface InStream extends AsyncIterable<Buffer | string> {
  readonly isTTY?: boolean
}

export type Signal = 'SIGINT' | 'SIGTERM'

export interface Host {
  readonly stdin: InStream
  readonly stdout: OutStream
  readonly stderr: OutStream
  readonly env: Environment
  readonly cwd: string
  readonly clock: Clock
  /** Calls the listener at every such signal instead of dying; returns the way to stop that. */
  onSignal(listener: (signal: Signal) => void): () => void
  /** Ends the process at once. */
  exit(code: number): void
}

/**
 * The real process. A reader of its data that goes away (`sluice tail | head`) ends it quietly; messages and log lines that
 * cannot be written, on a full disk or to a reader that is gone, are lost and nothing else.
 */
export function processHost(): Host {
  process.stderr.on('error', () => {})
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0)
    throw error
  })
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: processEnvironment(),
    cwd: process.cwd(),
    clock: systemClock,
    onSignal: (listener) => {
      process.on('SIGINT', listener).on('SIGTERM', listener)
      return () => process.off('SIGINT', listener).off('SIGTERM', listener)
    },
    exit: (code) => process.exit(code),
  }
}
