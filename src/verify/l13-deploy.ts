/** L13: two gateways behind a load balancer, replaced one after the other under load. No application notices. */
import { type Emulator, startEmulator } from '../emulator/emulator.ts'
import { Balancer, type Member } from './balancer.ts'
import { effectsOf, lostOf, someOf } from './effects.ts'
import { GatewayLine } from './gateway-process.ts'
import { counter, operationOf, type Tick } from './load.ts'
import type { Proof, ProofContext } from './proof.ts'
import { openStand } from './stand.ts'

const DEPLOYS = { quick: 4, full: 100 }
const CALLERS = 8
/** Between two deploys both are up for so long. */
const REST_MS = 200
const LONGEST_DRAIN_MS = 10_000

export const deploy: Proof = {
  id: 'L13',
  promises: ['P1', 'P2', 'P4'],
  claim:
    'A deploy costs nothing: a stopping gateway answers what it began, refuses the rest, and is gone in ten seconds.',
  faultModel:
    'SIGTERM under load, of two gateways behind a balancer that passes refused requests on, again and again',
  control: 'SIGKILL in place of SIGTERM',
  run: async (context) => {
    await using emulator = await startEmulator({ port: 0 })
    const told = await deployAgainAndAgain(context, emulator)
    for (const name of NAMES) {
      await using stand = await openStand({ directory: `${context.directory}/${name}`, emulator })
      await stand.drained()
    }
    const effects = effectsOf(emulator)
    const lost = lostOf(told.acknowledged, effects)
    const { requests, failed, refusals, longestMs, seconds } = told
    return {
      held: failed + lost.length + effects.twice === 0 && longestMs <= LONGEST_DRAIN_MS,
      figures: {
        deploys: told.deploys,
        requests,
        'requests a second': Math.round(requests / seconds),
        'without a 2xx': failed,
        'refused and passed on': refusals,
        lost: lost.length,
        twice: effects.twice,
        'longest drain, ms': Math.round(longestMs),
      },
      ...(lost.length > 0 && { detail: `lost: ${someOf(lost)}` }),
    }
  },
}

const NAMES = ['a', 'b']

interface Told {
  readonly acknowledged: Tick[]
  deploys: number
  requests: number
  failed: number
  refusals: number
  longestMs: number
  seconds: number
}

async function deployAgainAndAgain(context: ProofContext, emulator: Emulator): Promise<Told> {
  const { clock, directory, signal } = context
  await using stack = new AsyncDisposableStack()
  const told: Told = {
    acknowledged: [],
    deploys: 0,
    requests: 0,
    failed: 0,
    refusals: 0,
    longestMs: 0,
    seconds: 0,
  }
  const orderOf = (name: string) => ({
    trackUrl: emulator.url,
    directory: `${directory}/${name}`,
    env: { SLUICE_SHUTDOWN_NOTICE: '500ms' },
    fault: undefined,
  })
  const lines = NAMES.map((name) => stack.use(new GatewayLine(orderOf(name))))
  const members: Member[] = await Promise.all(lines.map(async (line) => ({ url: await line.start() })))
  const balancer = stack.use(new Balancer(members))
  const over = new AbortController()
  const startedAt = clock.mono()
  const calling = callUntil(over.signal, balancer, told)
  for (const total = context.cases ?? DEPLOYS[context.scale]; told.deploys < total && !signal.aborted; ) {
    await clock.sleep(REST_MS)
    const at = told.deploys % lines.length
    const [line, member] = [lines[at], members[at]]
    if (line === undefined || member === undefined) break
    const askedAt = clock.mono()
    await line.end(context.planted ? 'SIGKILL' : 'SIGTERM')
    told.longestMs = Math.max(told.longestMs, clock.mono() - askedAt)
    member.url = await line.start()
    told.deploys += 1
    context.progress(told.deploys, total, 'deploys')
  }
  over.abort()
  await calling
  told.seconds = (clock.mono() - startedAt) / 1000
  await Promise.all(lines.map((line) => line.end('SIGTERM')))
  return told
}

/** Each caller waits for its answer, and gives up on a request that was not taken, as an application without retries. */
async function callUntil(over: AbortSignal, balancer: Balancer, told: Told): Promise<void> {
  const serial = counter()
  const caller = async (_: unknown, who: number) => {
    while (!over.aborted) {
      const n = serial()
      const tick = { n, person: `c${who}p${n % 50}`, bad: false }
      const { status, refusals } = await balancer.post('/api/v2/entity', JSON.stringify(operationOf(tick)))
      told.requests += 1
      told.refusals += refusals
      if (status === 200) told.acknowledged.push(tick)
      else told.failed += 1
    }
  }
  await Promise.all(Array.from({ length: CALLERS }, caller))
}
