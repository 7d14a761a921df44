/**
 * L1: the fault storm, with the gateway killed again and again. What was accepted is delivered or dead, once and in order;
 * the dead letters are exactly the bad ones; the books balance at every moment.
 */
import type { LetterPage } from '../admin/wire.ts'
import { SluiceError } from '../core/errors.ts'
import { isObject, parseJson } from '../core/json.ts'
import type { Conservation } from '../core/outcome.ts'
import { type Emulator, startEmulator } from '../emulator/emulator.ts'
import { type FaultRule, seededRandom } from '../emulator/faults.ts'
import { type Effects, effectsOf, lostOf, someOf } from './effects.ts'
import { GatewayLine } from './gateway-process.ts'
import { LET_BAD_PASS, postTicks, type Tick } from './load.ts'
import type { Finding, Proof, ProofContext } from './proof.ts'
import { callsTo, openStand, type Stand } from './stand.ts'

const EVENTS = { quick: 5_000, full: 200_000 }
/** A kill about this often, as long as the load and the backlog last. */
const KILL_EVERY_MS = { quick: 2_000, full: 5_000 }
/** Longer than any wait of the gateway that the storm can make. */
const PATIENCE_MS = 5 * 60_000
const SENDERS = 4
const PEOPLE = 125
const BATCH = 100
const BAD_SHARE = 0.01

/** Small batches, so that there are many calls for the storm to hit. */
const ENV = { SLUICE_LIMITS_LINGER: '0ms', ...LET_BAD_PASS }

/** Each of the four is drawn independently; the emulator draws once and adds up, so these are their shares of what is left. */
const STORM: readonly FaultRule[] = [
  { kind: 'rate_limit', percent: 30, retryAfter: null },
  { kind: 'status', status: 503, percent: 0.7 * 30 },
  { kind: 'cut', percent: 0.7 * 0.7 * 25 },
  { kind: 'reset', percent: 0.7 * 0.7 * 0.75 * 20 },
]

export const storm: Proof = {
  id: 'L1',
  promises: ['P2', 'P3', 'P4', 'P6'],
  claim:
    'Through a storm of faults and kills nothing is lost, doubled or overtaken, and only the bad ones are dead.',
  faultModel:
    '30 % 429, 30 % 5xx, 25 % cut after acceptance, 20 % reset; SIGKILL of the gateway every few seconds',
  control: 'every attempt gives its events new ids',
  run: async (context) => {
    await using emulator = await startEmulator({ port: 0, random: seededRandom(context.seed), faults: STORM })
    const sent = ticksOf(context)
    const { kills, unbalanced } = await weather(sent, emulator, context)
    const { requests: calls } = emulator.stats()
    emulator.faults.clear()
    await using stand = await openStand({ directory: context.directory, emulator, env: ENV })
    await stand.drained()
    const balance = await stand.gateway.conservation()
    const dead = await deadNumbers(stand)
    return findingOf({ sent, dead, balance, kills, unbalanced, calls, effects: effectsOf(emulator) })
  },
}

function ticksOf({ scale, cases, seed }: ProofContext): Tick[] {
  const random = seededRandom(seed)
  return Array.from({ length: cases ?? EVENTS[scale] }, (_, n) => ({
    n: n + 1,
    person: `s${Math.floor(n / BATCH) % SENDERS}p${Math.floor(random() * PEOPLE)}`,
    bad: random() < BAD_SHARE,
  }))
}

interface Weather {
  readonly kills: number
  /** Moments at which the books did not balance. */
  readonly unbalanced: number
}

/** Sends everything, repeating what was not answered, and kills the gateway now and then until nothing is pending. */
async function weather(sent: readonly Tick[], emulator: Emulator, context: ProofContext): Promise<Weather> {
  const { directory, clock, planted } = context
  const over = new AbortController()
  const signal = AbortSignal.any([context.signal, over.signal])
  using _ends = { [Symbol.dispose]: () => over.abort() }
  const fault = planted ? 'renewIds' : undefined
  await using line = new GatewayLine({ trackUrl: emulator.url, directory, env: ENV, fault })
  let url = await line.start()
  const sending = Promise.all(
    Array.from({ length: SENDERS }, (_, sender) =>
      sendAll(partOf(sent, sender), () => url, { clock, signal }),
    ),
  )
  const every = KILL_EVERY_MS[context.scale]
  let kills = 0
  let unbalanced = 0
  let last = { ended: 0, at: clock.mono() }
  for (let nextKill = clock.mono() + every; !signal.aborted; await clock.sleep(100)) {
    const balance = await balanceAt(url)
    if (balance?.missing !== 0) unbalanced += 1
    const ended = balance === undefined ? 0 : balance.accepted - balance.pending
    context.progress(Math.min(ended, sent.length), sent.length, 'events')
    if (ended !== last.ended) last = { ended, at: clock.mono() }
    if (clock.mono() - last.at > PATIENCE_MS)
      throw new SluiceError('timed_out', `Nothing ended for 5 minutes, after ${ended} of ${sent.length}.`)
    if (balance?.pending === 0 && balance.accepted >= sent.length && kills > 0) break
    if (clock.mono() < nextKill) continue
    await line.end('SIGKILL')
    kills += 1
    url = await line.start()
    nextKill = clock.mono() + every
  }
  await sending
  return { kills, unbalanced }
}

const partOf = (sent: readonly Tick[], sender: number): readonly Tick[] =>
  sent.filter(({ person }) => person.startsWith(`s${sender}p`))

/** One after the other; a request without an answer is repeated, under the same ids, until there is one. */
async function sendAll(
  ticks: readonly Tick[],
  url: () => string,
  { clock, signal }: Pick<ProofContext, 'clock' | 'signal'>,
): Promise<void> {
  for (let at = 0; at < ticks.length && !signal.aborted; ) {
    const taken = await postTicks(url(), ticks.slice(at, at + BATCH)).catch(() => false)
    if (taken) at += BATCH
    else await clock.sleep(20)
  }
}

/** Undefined when the figures could not be had, which is no balance either. */
async function balanceAt(url: string): Promise<Conservation | undefined> {
  const status = await callsTo(url)
    .admin<{ conservation: Conservation }>('/status')
    .catch(() => undefined)
  return status?.conservation
}

async function deadNumbers({ admin }: Stand): Promise<number[]> {
  const numbers: number[] = []
  for (let after = ''; ; ) {
    const page = await admin<LetterPage>(`/dead-letters?limit=500${after && `&after=${after}`}`)
    for (const { value } of page.data) {
      const operation = parseJson(value)
      const attributes = isObject(operation) ? operation.attributes : undefined
      numbers.push(isObject(attributes) ? Number(attributes.n) : Number.NaN)
    }
    if (page.next_cursor === null) return numbers.sort((a, b) => a - b)
    after = page.next_cursor
  }
}

interface Aftermath extends Weather {
  readonly sent: readonly Tick[]
  readonly dead: readonly number[]
  readonly balance: Conservation
  readonly calls: number
  readonly effects: Effects
}

function findingOf({ sent, dead, balance, kills, unbalanced, calls, effects }: Aftermath): Finding {
  const lost = lostOf(sent, effects)
  const planted = new Set(sent.filter(({ bad }) => bad).map(({ n }) => n))
  const wrongly = [...new Set(dead).symmetricDifference(planted)]
  const { twice, outOfOrder } = effects
  const bad =
    lost.length + wrongly.length + twice + outOfOrder + unbalanced + Math.abs(balance.missing ?? Number.NaN)
  return {
    held: bad === 0 && balance.pending === 0,
    figures: {
      events: sent.length,
      kills,
      calls,
      lost: lost.length,
      twice,
      'out of order': outOfOrder,
      dead: dead.length,
      'dead wrongly or not': wrongly.length,
      'moments out of balance': unbalanced,
      missing: balance.missing ?? 'unknown',
    },
    ...(bad > 0 && { detail: `lost: ${someOf(lost)}; wrongly dead or alive: ${someOf(wrongly)}` }),
  }
}
