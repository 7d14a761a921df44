/** The decisions alone: order per person against the clock, and the rate against a limit that moves. */
import { setTimeout as pause } from 'node:timers/promises'
import { silent } from '../src/core/notices.ts'
import { Dispatcher } from '../src/delivery/dispatcher.ts'
import { makeOp, type Op } from '../src/delivery/op.ts'
import { Pace } from '../src/delivery/pace.ts'
import { seededRandom } from '../src/emulator/faults.ts'
import { LimitedRun } from '../src/verify/limited-remote.ts'
import { type Line, rounded } from './line.ts'

const SEED = 20_260_801
const OPERATIONS = 10_000
const PEOPLE = 20

/** Each operation in a call of its own, which takes 0 to 5 ms; those of one person one after the other. */
export async function dispatcher(): Promise<Line[]> {
  const random = seededRandom(SEED)
  const took = new Map<string, number>()
  const ops = Array.from({ length: OPERATIONS }, (_, n) => singleOp(n))
  const msOf = new Map(ops.map((op) => [op, Math.floor(random() * 5.4)]))
  for (const [op, ms] of msOf) took.set(op.key, (took.get(op.key) ?? 0) + ms)
  const dispatcher = new Dispatcher()
  const started = performance.now()
  dispatcher.add(ops)
  let left = OPERATIONS
  const done = Promise.withResolvers<void>()
  const fly = async (taken: readonly Op[]) => {
    for (const op of taken) await pause(msOf.get(op) ?? 0)
    dispatcher.release(taken)
    left -= taken.length
    if (left === 0) done.resolve()
    launch()
  }
  const launch = () => {
    for (let batch = dispatcher.take(true); batch; batch = dispatcher.take(true))
      void fly(batch.runs.flatMap((run) => run.ops))
  }
  launch()
  await done.promise
  const seconds = (performance.now() - started) / 1000
  const [serial, limit] = [[...took.values()].reduce((sum, ms) => sum + ms), Math.max(...took.values())]
  return [
    {
      name: 'dispatcher',
      what: `${rounded(OPERATIONS)} calls of 0 to 5 ms, ${PEOPLE} people, one lane`,
      value: Math.round(seconds * 100) / 100,
      unit: 's',
      goal: 1.6,
      better: 'less',
      detail: `one after the other ${(serial / 1000).toFixed(1)} s; the busiest person alone ${(limit / 1000).toFixed(2)} s`,
    },
  ]
}

/** An event of somebody not known yet: Track v2 has no form for it, so that it goes alone. */
function singleOp(n: number): Op {
  const key = `anonymous_id:${n % PEOPLE}`
  const value = `{"type":"person","identifiers":{"anonymous_id":"${n % PEOPLE}"},"action":"event","name":"n"}`
  const place = { topic: 'customerio.events', lane: 0, offset: n, epoch: 1 }
  return makeOp({ id: String(n), key, kind: 'anonymous.event', at: 0, headers: {}, value, ...place })
}

const STEPS = [
  [0, 1000],
  [100_000, 300],
  [160_000, 1000],
  [220_000, 0],
  [240_000, 1000],
] as const

/** The scenario of the design: the limit moves and is never told; virtual time. */
export function rate(): Line[] {
  const remote = {
    durationMs: 300_000,
    limitAt: (now: number) => STEPS.findLast(([from]) => from <= now)?.[1] ?? 0,
    latencyAt: (_: number, random: () => number) => 60 + random() * 40,
  }
  const pace = new Pace({
    ceiling: 1000,
    concurrency: 200,
    notify: silent,
    now: 0,
    random: seededRandom(SEED + 1),
  })
  const { ok, possible, throttled, calls } = new LimitedRun(remote, seededRandom(SEED)).run(pace)
  return [
    {
      name: 'utilisation',
      what: 'of a limit that moves 1000, 300, 1000, 0, 1000 a second',
      value: ok / possible,
      unit: '',
      goal: 0.93,
      better: 'more',
      detail: `${rounded(ok)} of ${rounded(possible)} calls that were possible in 300 s`,
    },
    {
      name: 'refused',
      what: 'share of calls answered 429 in the same run',
      value: throttled / calls,
      unit: '',
      goal: 0.003,
      better: 'less',
      detail: `${rounded(throttled)} of ${rounded(calls)}`,
    },
  ]
}
