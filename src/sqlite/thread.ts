/** A store with a thread of its own: what this thread asks for, that one does, and says what became of it. */
import { parentPort, type ResourceLimits, Worker, workerData } from 'node:worker_threads'
import { type ErrorCode, SluiceError, toSluiceError } from '../core/errors.ts'

interface Request {
  readonly number: number
  readonly order: unknown
}

/** What became of an order; or, without a number, that the disk failed while nobody waited for it. */
interface Report {
  readonly number?: number
  readonly value?: unknown
  readonly error?: { readonly code: ErrorCode; readonly message: string }
}

export interface ThreadOptions {
  /** What it works on, for the name of the thread and for people: `log`. */
  readonly what: string
  /** The module that it runs, which calls `obeyOrders`. */
  readonly entry: URL
  /** What the module is given: plain data. */
  readonly given: object
  readonly limits: ResourceLimits
  /** Nothing is in doubt when it ends by itself: who waits is told, nobody else, and another thread may be begun. Default: no. */
  readonly isSpare?: boolean
  /** Told of an error of the disk that nobody waits for; and when the thread, unless it is spare, ends though nobody closed it. */
  readonly onFatal: (error: SluiceError) => void
}

/** A module beside the one of this url: compiled for the package, and read as it is in development. */
export const moduleBeside = (url: string, name: string): URL =>
  new URL(`./${name}${url.endsWith('.ts') ? '.ts' : '.js'}`, url)

/**
 * A thread takes over the flags of its process. Under --input-type, of a program that is given on the command line, it could load
 * no file. They are not handed on one by one, since Node refuses here what only a process may have.
 */
const threadFlags = () =>
  process.execArgv.some((flag) => flag.startsWith('--input-type')) ? { execArgv: [] } : {}

export class StoreThread<Order> {
  readonly #options: ThreadOptions
  readonly #worker: Worker
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>()
  readonly #gone = Promise.withResolvers<void>()
  #last = 0
  /** Why nothing more can be asked for. */
  #over: SluiceError | undefined

  constructor(options: ThreadOptions) {
    this.#options = options
    const { entry, given, limits, what } = options
    const name = `sluice-${what}`
    this.#worker = new Worker(entry, { workerData: given, name, resourceLimits: limits, ...threadFlags() })
    this.#worker
      .on('message', (report: Report) => this.#hear(report))
      .on('error', (cause) => this.#lose(cause))
      .on('exit', (code) => this.#lose(code))
    this.#worker.unref()
  }

  /** Nothing more can be asked for. */
  get isOver(): boolean {
    return this.#over !== undefined
  }

  /** Resolves with what the thread returns. Throws what it throws; when it has ended `storage_failed`, or of a spare one `internal`. */
  ask(order: Order): Promise<unknown> {
    if (this.#over) return Promise.reject(this.#over)
    const asked = Promise.withResolvers<unknown>()
    this.#last += 1
    this.#waiting.set(this.#last, asked)
    this.#worker.ref()
    this.#worker.postMessage({ number: this.#last, order } satisfies Request)
    return asked.promise
  }

  /** Gives the last order. Resolves when the thread is gone. */
  close(order: Order): Promise<void> {
    this.ask(order).catch(() => {})
    this.#over ??= new SluiceError('shutting_down', `The ${this.#options.what} is closed.`)
    return this.#gone.promise
  }

  /** Whoever waits for the disk keeps the process alive, and nobody else does. */
  #hear({ number, value, error }: Report): void {
    const failure = error && new SluiceError(error.code, error.message)
    if (number === undefined) {
      if (failure) this.#options.onFatal(failure)
      return
    }
    const asked = this.#waiting.get(number)
    this.#waiting.delete(number)
    if (this.#waiting.size === 0 && this.#over === undefined) this.#worker.unref()
    if (failure) asked?.reject(failure)
    else asked?.resolve(value)
  }

  #lose(cause: unknown): void {
    const { what, isSpare = false, onFatal } = this.#options
    const isNews = this.#over === undefined
    const message = `The thread of the ${what} ended: ${String(cause)}`
    this.#over ??= new SluiceError(isSpare ? 'internal' : 'storage_failed', message, { cause })
    for (const { reject } of this.#waiting.values()) reject(this.#over)
    this.#waiting.clear()
    this.#gone.resolve()
    if (isNews && !isSpare) onFatal(this.#over)
  }
}

export interface Obedience<Order> {
  readonly work: (order: Order) => unknown
  readonly isLast: (order: Order) => boolean
  /** Done after an answer, which does not wait for it. What it throws ends the thread, so that nothing is written after it. */
  readonly after?: () => void
}

/** On the thread: does what is asked for until the last order. */
export function obeyOrders<Order>({ work, isLast, after = () => {} }: Obedience<Order>): void {
  parentPort?.on('message', async ({ number, order }: { number: number; order: Order }) => {
    try {
      tell({ number, value: await work(order) })
    } catch (thrown) {
      tell({ number, error: errorOf(thrown) })
    }
    if (isLast(order)) parentPort?.close()
    else after()
  })
}

/** What is asked of a thread whose orders are calls of what works there: a method, `close` last. */
export interface MethodCall<Worker> {
  readonly verb: keyof Worker
  readonly given: readonly unknown[]
}

/** On the thread: calls the methods of what works there. */
export function obeyCalls<Worker extends { close(): unknown }>(worker: Worker): void {
  obeyOrders<MethodCall<Worker>>({
    work: ({ verb, given }) => {
      const method = worker[verb] as (...given: readonly unknown[]) => unknown // the other side has it as Worker does
      return method.apply(worker, [...given])
    },
    isLast: ({ verb }) => verb === 'close',
  })
}

/** What the thread was given. */
export const given = <T>(): T => workerData as T // StoreThread gave it

/** On the thread: an error of the disk that nobody waits for. */
export const tellFatal = (thrown: unknown): void => tell({ error: errorOf(thrown) })

const tell = (report: Report): void => parentPort?.postMessage(report)

function errorOf(thrown: unknown): NonNullable<Report['error']> {
  const { code, message } = toSluiceError(thrown)
  return { code, message }
}
