/**
 * What ages while it waits (promise P10), looked at right before the call: an event that passed 72 hours here triggers no
 * campaign any more, and an identify that is replayed after a newer one changes less than whoever replays it may think.
 * Everything else was judged when it came in and stays as it is.
 */
import { isEvent } from '../core/operation.ts'
import { HEADER, type Received, TOPICS } from '../core/record.ts'
import { findingsText, type Judged } from '../preflight/finding.ts'
import { Memory } from '../preflight/memory.ts'
import type { Policies, RuleName } from '../preflight/rules.ts'
import { EVENT_SECONDS } from '../preflight/times.ts'
import { type Batch, makeBatch } from './batch.ts'
import type { Ended, Op } from './op.ts'
import type { Run } from './run.ts'

export interface Sifted {
  /** What may fly; undefined when nothing is left. */
  readonly batch: Batch | undefined
  readonly ended: readonly Ended[]
  /** What stood in one run with something that ended: it goes back to the head of its queue. */
  readonly back: readonly Op[]
  /** What was found. */
  readonly found: readonly Judged[]
}

/** Waiting for less than this is no ageing: what came in 72 hours and a minute after it happened was told of then. */
const LEAST_WAIT_MS = 60_000

export class Ages {
  readonly #policies: Policies
  readonly #newest = new Memory()

  constructor(policies: Policies) {
    this.#policies = policies
  }

  /** The batch as it may leave now. What is put right is put right in its operations. */
  sift(batch: Batch, nowMs: number): Sifted {
    const found = this.#look(batch, nowMs)
    if (found.length === 0) return { batch, ended: [], back: [], found }
    const ended: Ended[] = []
    const back: Op[] = []
    const runs: Run[] = []
    for (const run of batch.runs) {
      const refused = run.ops.filter((op) => refusalOf(op) !== undefined)
      if (refused.length === 0) runs.push(run)
      else {
        ended.push(...refused.map((op): Ended => ({ op, outcome: 'dead', refusal: refusalFor(op) })))
        back.push(...run.ops.filter((op) => refusalOf(op) === undefined))
      }
    }
    return { batch: makeBatch(batch.form, runs, batch.retry), ended, back, found }
  }

  #look({ runs }: Batch, nowMs: number): readonly Judged[] {
    const found: Judged[] = []
    for (const { ops } of runs)
      for (const op of ops) {
        const judged = this.#judge(op, nowMs)
        if (judged.length > 0) found.push(...judged)
      }
    return found
  }

  #judge(op: Op, nowMs: number): readonly Judged[] {
    const { kind, at, topic } = op
    if (kind === 'person.identify') return this.#judgeIdentify(op)
    if (topic !== TOPICS.events || nowMs - at < LEAST_WAIT_MS || !isEvent(kind)) return NOTHING
    return this.#judgeEvent(op, nowMs)
  }

  #judgeEvent(op: Op, nowMs: number): readonly Judged[] {
    const seconds = timestampIn(op)
    const isAged = nowMs / 1000 - seconds > EVENT_SECONDS && op.at / 1000 - seconds <= EVENT_SECONDS
    if (!isAged || isNoted(op, 'aged_event')) return NOTHING
    const found = this.#note(op, 'aged_event', 'it passed 72 hours while it waited, and triggers no campaign')
    if (found[0]?.policy === 'fix') op.value = restamped(op.value, Math.floor(nowMs / 1000))
    return found
  }

  /** Of the live ones only the newest is remembered: ingest has compared them with each other. */
  #judgeIdentify(op: Op): readonly Judged[] {
    const isReplay = op.topic === TOPICS.replay
    const isStamped = !isReplay && op.headers[HEADER.stamped] !== undefined
    const seconds = isStamped ? Math.floor(op.at / 1000) : timestampIn(op)
    const behind = Number.isNaN(seconds) ? 0 : this.#newest.secondsBehind(op.key, seconds)
    if (behind === 0 || !isReplay || isNoted(op, 'stale_identify')) return NOTHING
    return this.#note(
      op,
      'stale_identify',
      `a newer identify of the person went before, by ${behind} seconds`,
    )
  }

  #note(op: Op, rule: RuleName, message: string): readonly Judged[] {
    const policy = this.#policies[rule]
    if (policy === 'off') return NOTHING
    const found: Judged = { rule, field: 'timestamp', message, policy }
    op.findings = [...op.findings, found]
    return [found]
  }
}

const NOTHING: readonly Judged[] = []

const isNoted = (op: Op, rule: RuleName): boolean => op.findings.some((found) => found.rule === rule)

const refusalOf = (op: Op): Judged | undefined => op.findings.find(({ policy }) => policy === 'refuse')

function refusalFor(op: Op) {
  const { rule = 'aged_event', field = '', message = '' } = refusalOf(op) ?? {}
  return { code: 'preflight_refused', reason: rule, field, message }
}

const TIMESTAMP = ',"timestamp":'

/**
 * The operation's own time, in unix seconds; NaN for what is none. Its members stand in a fixed order (ingest/draft.ts), in
 * which only strings come before the time, and a quote within a string has a backslash: so the first is the right one.
 */
function timestampIn({ value }: Pick<Received, 'value'>): number {
  const at = value.indexOf(TIMESTAMP)
  if (at < 0) return Number.NaN
  const start = at + TIMESTAMP.length
  return digitsIn(value, start) ?? numberIn(value, start)
}

const [ZERO, NINE, COMMA] = [48, 57, 44]

/** The usual: digits up to a comma. To cut them out and parse them takes longer than all else that is done here. */
function digitsIn(text: string, start: number): number | undefined {
  let number = 0
  let at = start
  for (let code = text.charCodeAt(at); code >= ZERO && code <= NINE; code = text.charCodeAt(at)) {
    number = number * 10 + code - ZERO
    at += 1
  }
  return at > start && text.charCodeAt(at) === COMMA ? number : undefined
}

/** Parsing stops by itself where the number ends, and no time has more digits than this. */
const numberIn = (text: string, start: number): number =>
  Number.parseFloat(text.slice(text[start] === '"' ? start + 1 : start, start + 32))

function restamped(value: string, seconds: number): string {
  const start = value.indexOf(TIMESTAMP) + TIMESTAMP.length
  const rest = value.slice(start).replace(/^("[^"]*"|[^,}]*)/, String(seconds))
  return value.slice(0, start) + rest
}

/** The headers of an operation's end, with what was found on the way. */
export function headersOf({ headers, findings }: Op): Received['headers'] {
  if (findings.length === 0) return headers
  const before: unknown = JSON.parse(headers[HEADER.preflight] ?? '[]')
  const kept = JSON.parse(findingsText(findings)) as unknown[] // it is a list
  return {
    ...headers,
    [HEADER.preflight]: JSON.stringify([...(Array.isArray(before) ? before : []), ...kept]),
  }
}
