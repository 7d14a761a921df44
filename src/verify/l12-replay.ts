/**
 * L12: dead letters replayed twice, with the gateway killed in the middle, beside live traffic. What had taken effect in
 * spite of its refusal does not do so again; what had not does so once; every letter kept its bytes and its reason.
 */
import type { LetterPage } from '../admin/wire.ts'
import { type Emulator, startEmulator } from '../emulator/emulator.ts'
import { seededRandom } from '../emulator/faults.ts'
import { effectsOf, lostOf, someOf } from './effects.ts'
import type { FaultName } from './faults.ts'
import { GatewayLine } from './gateway-process.ts'
import { intercept, type Script } from './interceptor.ts'
import { idOf, postTicks, type Tick } from './load.ts'
import type { Proof, ProofContext } from './proof.ts'
import { callsTo, openStand } from './stand.ts'

const LETTERS = { quick: 100, full: 2_000 }
const KILLS = { quick: 4, full: 50 }
const WITHIN_MS = 300
const PEOPLE = 20

export const replay: Proof = {
  id: 'L12',
  promises: ['P2', 'P4'],
  claim:
    'Dead letters may be replayed twice, and through kills: nothing takes effect again, and none is forgotten.',
  faultModel:
    'half of the refused had taken effect; SIGKILL amid replays; 20 % 503 and 10 % cut beside live traffic',
  control: 'every attempt gives its events new ids',
  run: async (context) => {
    await using emulator = await startEmulator({ port: 0, random: seededRandom(context.seed) })
    const dead = ticksOf(1, context.cases ?? LETTERS[context.scale])
    const { damaged, applied } = await refuseAll(dead, emulator, context)
    emulator.faults.add({ kind: 'status', status: 503, percent: 20 })
    emulator.faults.add({ kind: 'cut', percent: 10 })
    const live = await replayThroughKills(dead.length, emulator, context)
    emulator.faults.clear()
    const left = await replayTwice(emulator, context)
    const effects = effectsOf(emulator)
    const lost = lostOf([...dead, ...live], effects)
    return {
      held: lost.length + effects.twice + damaged + left === 0 && applied > 0 && applied < dead.length,
      figures: {
        letters: dead.length,
        'had taken effect': applied,
        'not as they came': damaged,
        kills: KILLS[context.scale],
        'live events beside': live.length,
        'took effect again': effects.twice,
        'without effect': lost.length,
        'letters left': left,
      },
      ...(lost.length > 0 && { detail: `without effect: ${someOf(lost)}` }),
    }
  },
}

const ticksOf = (from: number, count: number): Tick[] =>
  Array.from({ length: count }, (_, at) => ({ n: from + at, person: `p${at % PEOPLE}`, bad: false }))

/** Every call is answered 400, half of the single ones after they took effect. Returns what became of it. */
async function refuseAll(dead: readonly Tick[], emulator: Emulator, { directory }: ProofContext) {
  let turn = 0
  const script: Script = async (asked, pass) => {
    const isSingle = asked.body.split('"action"').length === 2
    turn += isSingle ? 1 : 0
    if (isSingle && turn % 2 === 0) await pass()
    return { status: 400, body: '{"errors":[{"reason":"invalid","message":"not today"}]}' }
  }
  const between = (url: string) => intercept(script, url)
  await using stand = await openStand({ directory, emulator, between, env: ENV })
  await postTicks(stand.gateway.url, dead)
  await stand.drained()
  const letters = new Map<string, LetterPage['data'][number]>()
  for (let after = ''; ; ) {
    const page = await stand.admin<LetterPage>(`/dead-letters?limit=500${after && `&after=${after}`}`)
    for (const letter of page.data) letters.set(letter.id, letter)
    if (page.next_cursor === null) break
    after = page.next_cursor
  }
  const damaged = dead.filter(({ n, person }) => {
    const letter = letters.get(idOf(n))
    if (letter === undefined) return true
    const isWhole = letter.value.includes(`"n":${n}}`) && letter.value.includes(`"${person}"`)
    return !isWhole || letter.refusal.message !== 'not today' || letter.attempts.at(-1)?.status !== 400
  }).length
  return { damaged, applied: emulator.events().length }
}

const ENV = { SLUICE_LIMITS_LINGER: '0ms' }
const ALL = { code: 'upstream_rejected' }

const orderOf = (emulator: Emulator, { directory, planted }: ProofContext) => {
  const fault: FaultName | undefined = planted ? 'renewIds' : undefined
  return { trackUrl: emulator.url, directory, env: ENV, fault }
}

/** Asks for a replay of all that wait, sends live traffic beside it, and kills the gateway somewhere in between. */
async function replayThroughKills(from: number, emulator: Emulator, context: ProofContext): Promise<Tick[]> {
  const random = seededRandom(context.seed)
  await using line = new GatewayLine(orderOf(emulator, context))
  const taken: Tick[] = []
  const kills = KILLS[context.scale]
  for (let kill = 0; kill < kills && !context.signal.aborted; kill += 1) {
    const url = await line.start()
    const ticks = ticksOf(from + 1 + kill * PEOPLE, PEOPLE)
    const asked = callsTo(url).admin('/dead-letters/replay', ALL)
    const sent = postTicks(url, ticks).then((isTaken) => isTaken && taken.push(...ticks))
    const over = Promise.allSettled([asked, sent])
    await context.clock.sleep(random() * WITHIN_MS)
    await line.end('SIGKILL')
    await over
    context.progress(kill + 1, kills, 'kills')
  }
  return taken
}

/** In peace, and once more when all is done. Returns how many letters are left. */
async function replayTwice(emulator: Emulator, context: ProofContext): Promise<number> {
  const { directory, planted } = context
  await using stand = await openStand({ directory, emulator, fault: planted ? 'renewIds' : undefined })
  for (let round = 0; round < 2; round += 1) {
    await stand.drained()
    await stand.admin('/dead-letters/replay', ALL)
  }
  await stand.drained()
  const { missing, dead } = await stand.gateway.conservation()
  return dead + Math.abs(missing ?? Number.NaN)
}
