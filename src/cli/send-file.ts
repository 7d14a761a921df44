/** `sluice send --file`: a file of operations in batches, with an account of every line. */
import { SluiceError } from '../core/errors.ts'
import { byteLength, isObject, parseJson } from '../core/json.ts'
import { brokenLimit } from '../core/json-limits.ts'
import { type Api, trackApi } from './api.ts'
import { readLines } from './input.ts'
import type { Job } from './job.ts'
import { Progress } from './progress.ts'
import { noteWarnings, warningsIn } from './warnings.ts'

/** Track v2 takes 500 KB a batch and 32 KB an item. */
const BATCH_BYTES = 500 * 1024
const BATCH_LINES = 1000
const WRAPPING = byteLength(batchOf([]))

interface Line {
  readonly number: number
  readonly text: string
}

interface Refused {
  readonly line: number
  readonly reason: string
}

interface Account {
  /** Lines looked at, those skipped included: where to go on after a stop. */
  done: number
  sent: number
  readonly refused: Refused[]
  /** Of all batches, each once. */
  readonly warnings: Set<string>
}

/**
 * Sends all lines in order. Throws `some_refused` (exit code 8) when Sluice refused lines; every other failure says with
 * which --skip to go on.
 */
export async function sendFile(job: Job): Promise<void> {
  const path = job.text('file')
  if (path === undefined)
    throw new SluiceError('bad_usage', '"sluice send" needs one of its subcommands, or --file.')
  const api = trackApi(job, await job.config())
  const account: Account = { done: job.count('skip') ?? 0, sent: 0, refused: [], warnings: new Set() }
  const progress = new Progress({ output: job.output, clock: job.host.clock, label: 'sending' })
  try {
    for await (const lines of batches(readLines(job, path), account.done)) {
      await sendBatch(api, lines, account)
      progress.update(account.sent, refusedText(account))
      job.signal.throwIfAborted()
    }
  } catch (thrown) {
    throw stopped(thrown, account, job)
  }
  progress.end(account.sent, refusedText(account))
  noteWarnings(job.output, [...account.warnings], `sluice send --check ${path}, which names the lines`)
  report(job, account)
}

const refusedText = ({ refused }: Account) => (refused.length === 0 ? '' : `${refused.length} refused`)

/** Full batches of lines that hold something. A line that is too large for one has one of its own. */
async function* batches(lines: AsyncIterable<string>, skip: number): AsyncGenerator<Line[]> {
  let batch: Line[] = []
  let bytes = WRAPPING
  let number = 0
  for await (const text of lines) {
    number += 1
    if (number <= skip || text.trim() === '') continue
    const size = byteLength(text) + 1
    if (batch.length === BATCH_LINES || (batch.length > 0 && bytes + size > BATCH_BYTES)) {
      yield batch
      batch = []
      bytes = WRAPPING
    }
    batch.push({ number, text })
    bytes += size
  }
  if (batch.length > 0) yield batch
}

async function sendBatch(api: Api, lines: readonly Line[], account: Account): Promise<void> {
  const sendable: Line[] = []
  for (const line of lines) {
    const fault = faultOf(line.text)
    if (fault === undefined) sendable.push(line)
    else account.refused.push({ line: line.number, reason: fault })
  }
  if (sendable.length > 0) {
    const answer = await api.call('POST', '/api/v2/batch', batchOf(sendable.map(({ text }) => text)))
    for (const warning of warningsIn(answer)) account.warnings.add(warning)
    const refused = answer.status === 207 ? refusedItems(answer.text, sendable) : []
    account.refused.push(...refused)
    account.sent += sendable.length - refused.length
  }
  account.done = lines.at(-1)?.number ?? account.done
}

function batchOf(texts: readonly string[]): string {
  return `{"batch":[${texts.join(',')}]}`
}

/** What would have the whole batch refused, and not the line alone. The rest is for Sluice to say. */
function faultOf(text: string): string | undefined {
  if (!isObject(parseJson(text))) return 'not a JSON object'
  const alone = batchOf([text])
  return byteLength(alone) > BATCH_BYTES
    ? `larger than the ${BATCH_BYTES} bytes of a batch`
    : brokenLimit(alone)
}

/** The items that a 207 names. An item may be named for several reasons. */
function refusedItems(text: string, lines: readonly Line[]): Refused[] {
  const body = parseJson(text)
  const errors: readonly unknown[] = isObject(body) && Array.isArray(body.errors) ? body.errors : []
  const reasons = new Map<number, string[]>()
  for (const error of errors) {
    if (!isObject(error)) continue
    const line = lines[Number(error.batch_index)]?.number
    const reason = reasonOf(error)
    if (line !== undefined) reasons.set(line, [...(reasons.get(line) ?? []), reason])
  }
  return [...reasons].map(([line, all]) => ({ line, reason: all.join('; ') }))
}

/** A message of our own names the field. */
function reasonOf({ field = '', message, reason }: Readonly<Record<string, unknown>>): string {
  const words = String(message ?? reason)
  return field === '' || words.includes(String(field)) ? words : `${String(field)}: ${words}`
}

function report({ output }: Job, { sent, refused, warnings }: Account): void {
  if (output.json) output.document({ sent, refused, ...(warnings.size > 0 && { warnings: [...warnings] }) })
  else for (const { line, reason } of refused) output.line(`line ${line}: ${reason}`)
  if (refused.length > 0)
    throw new SluiceError(
      'some_refused',
      `${refused.length} of ${sent + refused.length} lines were refused.`,
      {
        details: { sent, refused: refused.length },
      },
    )
}

/** Whatever stopped it: the lines before are accounted for, the batch in flight may be accepted or not. */
function stopped(thrown: unknown, account: Account, { signal, output }: Job): unknown {
  const hint = `Go on with --skip ${account.done}. The batch in flight may have been taken: events with an "id" take effect once all the same.`
  if (signal.aborted) output.problem(`stopped after ${account.done} lines. ${hint}`)
  if (!(thrown instanceof SluiceError) || thrown.code === 'bad_usage') return thrown
  return new SluiceError(thrown.code, thrown.message, {
    cause: thrown.cause,
    details: { ...thrown.details, done: account.done },
    hint: `${thrown.hint} ${hint}`,
  })
}
