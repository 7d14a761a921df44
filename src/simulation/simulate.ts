/**
 * One run of the whole gateway in virtual time, from one seed:
 *
 *   safety     faults strike, applications speak; the invariants hold after every event
 *   liveness   no more faults: within bounded time nothing is pending
 *   audit      what was said, what the ledger says and what Customer.io holds agree
 *   replay     records are put on the bus again: nothing takes effect that had, and the audit still agrees
 */
import { TOPICS } from '../core/record.ts'
import { audit } from './audit.ts'
import type { Outcome, Run } from './run.ts'
import { Stage } from './stage.ts'

/** However bad it was: when nothing strikes any more, everything is delivered within this time. */
const LIVENESS_MS = 60 * 60_000

export async function simulate(run: Run): Promise<Outcome> {
  const stage = await Stage.open(run)
  const { scheduler, menu, horizonMs, log } = stage
  const phases = [safety, liveness, reckon, replay, liveness, reckon]
  for (const phase of phases) if (stage.broken.length === 0) await phase(stage)
  stage.close()
  return {
    seed: run.seed,
    menu,
    horizonMs,
    hash: scheduler.hash,
    broken: stage.broken,
    events: scheduler.steps,
    virtualMs: scheduler.now,
    operations: log.records.length,
    met: [...stage.met].sort(),
  }
}

async function safety(stage: Stage): Promise<void> {
  stage.begin()
  await stage.until(() => stage.scheduler.now >= stage.horizonMs)
}

async function liveness(stage: Stage): Promise<void> {
  const { scheduler } = stage
  stage.calm()
  const deadline = scheduler.now + LIVENESS_MS
  let quiet = false
  const isQuiet = () => quiet || scheduler.now > deadline
  const look = async () => {
    quiet = stage.isSpoken && (await stage.pending()) === 0
    if (!quiet) scheduler.after(1_000, 'look', () => void look())
  }
  scheduler.after(1_000, 'look', () => void look())
  await stage.until(isQuiet)
  if (!quiet && stage.broken.length === 0)
    stage.break('an hour after the last fault operations are still pending')
}

async function reckon(stage: Stage): Promise<void> {
  const { log, speech, invariants, customerIo, scheduler, machine } = stage
  const { ledger } = machine.surfaces?.stores ?? {}
  if (ledger === undefined) return stage.break('the gateway does not run, and nothing strikes any more')
  const { state } = customerIo.service.workspace
  for (const wrong of await audit({ log, speech, invariants, ledger, state, now: scheduler.now }))
    stage.break(wrong)
}

/**
 * As a bus that hands out again what was settled, or a producer that publishes twice. Events that had an effect: one that
 * was said of somebody who was suppressed then may well have an effect now.
 */
async function replay(stage: Stage): Promise<void> {
  const { log, chance, machine, invariants, met } = stage
  const events = log.records.filter(({ id }) => invariants.hadEffect(id) && chance.hit(0.2))
  if (events.length === 0) return
  met.add('replay')
  let stored = false
  const records = events.map(({ offset: _, ...record }) => record)
  void machine.surfaces?.stores.bus.publish(TOPICS.events, records).then(() => {
    stored = true
  })
  await stage.until(() => stored)
}
