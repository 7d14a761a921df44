/** D1: the gateway killed with SIGKILL under load, again and again. What was acknowledged must be in the log, and take effect once. */
import { openSqliteBus } from '../bus/sqlite.ts'
import { silent } from '../core/notices.ts'
import { TOPICS } from '../core/record.ts'
import { type Emulator, startEmulator } from '../emulator/emulator.ts'
import { seededRandom } from '../emulator/faults.ts'
import { effectsOf, lostOf, someOf } from './effects.ts'
import { GatewayLine } from './gateway-process.ts'
import { counter, idOf, sendUntilDead, type Tick } from './load.ts'
import type { Proof, ProofContext } from './proof.ts'
import { openStand } from './stand.ts'

const KILLS = { quick: 25, full: 1000 }
/** Six requests of a hundred events are in flight; the kill is armed after three answers, so 300 a cycle are acknowledged. */
const SENDERS = 6
const BATCH = 100
const ARMED_AFTER = 300
const WITHIN_MS = 40

export const kill: Proof = {
  id: 'D1',
  promises: ['P1', 'P2', 'P3', 'P4'],
  claim: 'What was answered with 2xx is in the log after a kill, and takes effect once, in order.',
  faultModel: 'SIGKILL within 40 ms of load, with six requests in flight and delivery under way',
  control: 'the answer is given before the commit',
  run: async (context) => {
    await using emulator = await startEmulator({ port: 0 })
    const { acknowledged, kills } = await killAgainAndAgain(context, emulator)
    await using stand = await openStand({ directory: context.directory, emulator })
    await stand.drained()
    const { missing } = await stand.gateway.conservation()
    await stand.gateway.close()
    const logged = await idsInLog(context)
    const effects = effectsOf(emulator)
    const unlogged = acknowledged.filter(({ n }) => !logged.has(idOf(n)))
    const lost = lostOf(acknowledged, effects)
    const bad =
      unlogged.length + lost.length + effects.twice + effects.outOfOrder + Math.abs(missing ?? Number.NaN)
    return {
      held: bad === 0,
      figures: {
        kills,
        acknowledged: acknowledged.length,
        'not in the log': unlogged.length,
        'without effect': lost.length,
        twice: effects.twice,
        'out of order': effects.outOfOrder,
        'unanswered, kept': effects.seen.size - (acknowledged.length - lost.length),
      },
      ...(bad > 0 && { detail: `${missing} missing; without effect, for example: ${someOf(lost)}` }),
    }
  },
}

async function killAgainAndAgain(context: ProofContext, { url: trackUrl }: Emulator) {
  const { directory, planted, signal, clock } = context
  const fault = planted ? 'answerEarly' : undefined
  await using line = new GatewayLine({ trackUrl, directory, env: {}, fault })
  const random = seededRandom(context.seed)
  const serial = counter()
  const acknowledged: Tick[] = []
  const total = context.cases ?? KILLS[context.scale]
  let kills = 0
  for (; kills < total && !signal.aborted; kills += 1) {
    const url = await line.start()
    const armed = Promise.withResolvers<void>()
    const before = acknowledged.length
    const onAcknowledged = (ticks: readonly Tick[]) => {
      acknowledged.push(...ticks)
      if (acknowledged.length - before >= ARMED_AFTER) armed.resolve()
    }
    const sent = sendUntilDead({ url, senders: SENDERS, batch: BATCH, people: 20, serial, onAcknowledged })
    await Promise.race([armed.promise, sent]) // when it dies by itself, that is found in the counts
    await clock.sleep(random() * WITHIN_MS) // the moment of the kill is the input
    await line.end('SIGKILL')
    await sent
    context.progress(kills + 1, total, 'kills')
  }
  return { acknowledged, kills }
}

/** Every id in the log, settled or not, as it lies on the disk. */
async function idsInLog({ directory, clock }: ProofContext): Promise<ReadonlySet<string>> {
  await using bus = await openSqliteBus({ directory, clock, notify: silent, onFatal: () => {} })
  const ids = new Set<string>()
  const { published } = await bus.lag(TOPICS.events, 'proof')
  for (let from = 0; ids.size < published; ) {
    const records = await bus.read(TOPICS.events, { from, limit: 10_000 })
    if (records.length === 0) break
    for (const { id } of records) ids.add(id)
    from = Math.max(...records.map(({ offset }) => offset)) + 1
  }
  return ids
}
