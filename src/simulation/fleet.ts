/** Many runs, on as many threads as there are processors. */
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { FAULT_NAMES } from './menu.ts'
import type { Outcome } from './run.ts'
import type { Orders } from './worker.ts'

export interface FleetOptions {
  /** The first seed; the others follow on it. */
  readonly seed: number
  readonly count: number
  /** A fault to be planted in all of them (plants.ts). */
  readonly plant?: string
  readonly signal: AbortSignal
  /** Told of every outcome; returns false when that is enough. */
  readonly onOutcome: (outcome: Outcome, done: number) => boolean
}

/** Resolves when all have run, or when it was enough. Rejects when a thread fails, which is a defect as well. */
export async function runFleet(options: FleetOptions): Promise<void> {
  const threads = Math.max(1, Math.min(availableParallelism(), Math.ceil(options.count / 10)))
  const over = new AbortController()
  const signal = AbortSignal.any([options.signal, over.signal])
  let done = 0
  const onOutcome = (outcome: Outcome) => {
    if (signal.aborted) return
    done += 1
    if (!options.onOutcome(outcome, done)) over.abort()
  }
  const orders = Array.from({ length: threads }, (_, thread): Orders => {
    const count = Math.ceil((options.count - thread) / threads)
    return { first: options.seed + thread, stride: threads, count, plant: options.plant }
  })
  await Promise.all(orders.map((order) => runThread(order, signal, onOutcome)))
}

function runThread(
  orders: Orders,
  signal: AbortSignal,
  onOutcome: (outcome: Outcome) => void,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const file = import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js'
  const worker = new Worker(new URL(file, import.meta.url), { workerData: orders })
  const stop = () => void worker.terminate()
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  worker.on('message', onOutcome)
  worker.on('error', reject)
  worker.on('exit', () => {
    signal.removeEventListener('abort', stop)
    resolve()
  })
  return promise
}

/** What every fleet of some size must have met, beside each fault of the menu: else it tests less than it seems to. */
const NOTICES_MET = [
  'bus.failed',
  'bus.full',
  'bus.trimmed',
  'delivery.bisected',
  'delivery.breaker',
  'delivery.credentials',
  'delivery.dead',
  'delivery.settled',
  'delivery.throttled',
  'delivery.untold',
  'gateway.stopped',
  'ingest.repeated',
  'ledger.full',
  'ledger.replayed',
]

/** Of a fleet of so many runs or more. */
export const LARGE = 500

/** What never happened, though it should have: faults of the menu, and notices. */
export const unmet = (met: ReadonlySet<string>): readonly string[] =>
  [...FAULT_NAMES, ...NOTICES_MET, 'replay', 'balance'].filter((name) => !met.has(name))
