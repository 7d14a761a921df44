/** The reckoning at the end of a run: everything that was said is accounted for, here and at Customer.io. */

import type { State } from '../emulator/state.ts'
import type { DeadLetter, Ledger } from '../ledger/ledger.ts'
import type { Invariants } from './invariants.ts'
import type { Logged, LogView } from './log-view.ts'
import { eventsOf, holdingsOf, stateOf } from './reference.ts'
import type { Saying, Speech } from './said.ts'

export interface AuditOptions {
  readonly log: LogView
  readonly speech: Speech
  readonly invariants: Invariants
  readonly ledger: Ledger
  /** What Customer.io holds. */
  readonly state: State
  readonly now: number
}

/** What is wrong, each in a sentence; nothing when all is well. */
export async function audit(options: AuditOptions): Promise<readonly string[]> {
  const { log, invariants } = options
  const lost = [...invariants.acked].filter((id) => log.offsetOf(id) === undefined)
  const letters = await options.ledger.dead.list({ limit: 1_000_000 })
  const dead = new Map(letters.map((letter) => [letter.id, letter]))
  return [
    ...lost.map((id) => `${id} was answered 2xx and is gone from the log`),
    ...(await outcomesMissing(options)),
    ...lettersWrong(options, dead),
    ...holdingsWrong(options, dead),
  ]
}

async function outcomesMissing({ log, ledger }: AuditOptions): Promise<string[]> {
  const found: string[] = []
  for (const { id, offset } of log.records)
    if ((await ledger.find(id)) === undefined) found.push(`${id} at ${offset} has no outcome`)
  return found
}

/** The dead letters are exactly what Customer.io refuses, with their bytes, the reason, and what was tried. */
function lettersWrong({ log, speech }: AuditOptions, dead: ReadonlyMap<string, DeadLetter>): string[] {
  const wrong: string[] = []
  for (const record of log.records) {
    const letter = dead.get(record.id)
    const fault = sayingOf(record, speech)?.fault
    if (fault !== undefined && letter === undefined) wrong.push(`${record.id} is ${fault} and no dead letter`)
    if (letter === undefined) continue
    if (fault === undefined)
      wrong.push(
        `${record.id} (${record.kind}) is dead, and nothing is wrong with it: ${letter.refusal.reason}`,
      )
    if (log.offsetOf(record.id) === record.offset && letter.value !== record.value)
      wrong.push(`the dead letter ${record.id} has lost its bytes`)
    if (letter.refusal.reason === '') wrong.push(`the dead letter ${record.id} gives no reason`)
    if (letter.attempts.length === 0) wrong.push(`the dead letter ${record.id} tells of no attempt`)
  }
  return wrong
}

/** What Customer.io holds is what the log says, but for the dead. */
function holdingsWrong(options: AuditOptions, dead: ReadonlyMap<string, DeadLetter>): string[] {
  const { log, state, now } = options
  const taken = log.records.filter(({ id }) => !dead.has(id))
  const wanted = stateOf(taken, { now: () => now })
  const [want, have] = [holdingsOf(wanted), holdingsOf(state)]
  const wrong: string[] = []
  for (const name of new Set([...Object.keys(want), ...Object.keys(have)]))
    if (want[name] !== have[name]) wrong.push(`${name} is ${have[name]}, and was said to be ${want[name]}`)
  const [events, effects] = [eventsOf(wanted), eventsOf(state)]
  const missing = events.filter((event) => !effects.includes(event))
  const extra = effects.filter((effect) => !events.includes(effect))
  if (missing.length > 0)
    wrong.push(`${missing.length} events had no effect: ${missing.slice(0, 5).join(' ')}`)
  if (extra.length > 0) wrong.push(`${extra.length} events should have none: ${extra.slice(0, 5).join(' ')}`)
  return wrong
}

/** By the number in an event: only events are ever refused. */
function sayingOf({ kind, value }: Logged, { sayings }: Speech): Saying | undefined {
  if (!kind.endsWith('.event')) return undefined
  return sayings[spokenIn(value)]
}

/** The number of an event, of which nothing else has attributes of that form. */
const spokenIn = (value: string): number => Number(/"attributes":\{"n":(\d+)\}/.exec(value)?.[1])
