/** L6: a limit that moves and is never told, in virtual time: nearly all of it is used, and hardly a call is refused. */
import { silent } from '../core/notices.ts'
import { Pace } from '../delivery/pace.ts'
import { seededRandom } from '../emulator/faults.ts'
import { type LimitedRemote, LimitedRun, type Measured, type Pacing } from './limited-remote.ts'
import type { Proof, ProofContext } from './proof.ts'

const CEILING = 1000
const SEEDS = { quick: 1, full: 20 }
/** After a blackout so long may pass until nine tenths are used again. */
const RECOVERY_MS = 10_000
/** Of all calls. */
const MOST_REFUSED = 0.005

interface Weather extends LimitedRemote {
  readonly name: string
  /** At least so much of the limit is used. */
  readonly utilisation: number
}

const steady = (_: number, random: () => number) => 60 + random() * 40

/** The steps of a limit: from when on, and how much. */
const stepped =
  (...steps: readonly (readonly [from: number, limit: number])[]) =>
  (now: number) =>
    steps.findLast(([from]) => from <= now)?.[1] ?? 0

const blackout = stepped([0, 1000], [100_000, 300], [160_000, 1000], [220_000, 0], [240_000, 1000])

/** The goal of 90 % is kept under steps. A limit that falls all the time costs a cut of 30 % every few seconds. */
const ELSEWHERE = 0.75

const WEATHERS: readonly Weather[] = [
  {
    name: 'steps and a blackout',
    utilisation: 0.9,
    durationMs: 300_000,
    limitAt: blackout,
    latencyAt: steady,
  },
  {
    name: 'sawtooth',
    utilisation: ELSEWHERE,
    durationMs: 300_000,
    limitAt: (now) => 1000 - 600 * ((now % 60_000) / 60_000),
    latencyAt: steady,
  },
  {
    name: 'answers ten times slower',
    utilisation: ELSEWHERE,
    durationMs: 300_000,
    limitAt: () => 300,
    latencyAt: (now, random) => steady(now, random) * (now >= 100_000 && now < 200_000 ? 10 : 1),
  },
  {
    name: 'a limit of chance',
    utilisation: ELSEWHERE,
    durationMs: 300_000,
    limitAt: (now) => 100 + (900 * ((Math.floor(now / 20_000) * 7919) % 101)) / 101,
    latencyAt: steady,
  },
]

/** What a 429 may bring along, and for how long that would hold everything back. */
const HINTS: Readonly<Record<string, (now: number) => string>> = {
  seconds: () => '2',
  'a date': (now) => new Date(now + 2_000).toUTCString(),
  'a date in the past': () => new Date(0).toUTCString(),
  garbage: () => 'soon',
  'thirty years': () => '1000000000',
}
const LONGEST_MS = 15 * 60_000 * 1.1

export const limits: Proof = {
  id: 'L6',
  promises: ['P7'],
  claim:
    'Without hints most of a moving limit is used and under 0.5 % is refused; Retry-After is obeyed, for 15 minutes at most.',
  faultModel:
    'a limit in steps, sawtooth and by chance; a blackout; answers ten times slower; Retry-After in five forms',
  control: 'a 429 is taken for an answer like any other',
  run: async (context) => {
    const figures: Record<string, number | string> = {}
    const wrong: string[] = []
    for (const weather of WEATHERS) await measureWeather(weather, context, { figures, wrong })
    const early = Object.entries(HINTS).map(([name, hint]) => obeyed(name, hint, context))
    wrong.push(...early.flatMap((complaint) => complaint ?? []))
    figures['sent before a Retry-After had passed'] = early.filter(Boolean).length
    return { held: wrong.length === 0, figures, ...(wrong.length > 0 && { detail: wrong.join('\n') }) }
  },
}

interface Told {
  readonly figures: Record<string, number | string>
  readonly wrong: string[]
}

async function measureWeather(
  weather: Weather,
  context: ProofContext,
  { figures, wrong }: Told,
): Promise<void> {
  const seeds = context.cases ?? SEEDS[context.scale]
  let [least, most] = [1, 0]
  for (let n = 0; n < seeds && !context.signal.aborted; n += 1) {
    const measured = run(weather, context.seed + n, context.planted)
    wrong.push(
      ...complaintsOf(weather, measured).map((text) => `seed ${context.seed + n}, ${weather.name}: ${text}`),
    )
    least = Math.min(least, measured.ok / measured.possible)
    most = Math.max(most, refusedShare(measured))
    context.progress(n + 1, seeds, `seeds, ${weather.name}`)
    await context.clock.sleep(0) // virtual time takes all of the real one: let the caller breathe
  }
  figures[weather.name] = `${percent(least)} used, ${percent(most)} refused`
}

function run(weather: LimitedRemote, seed: number, planted: boolean): Measured {
  const random = seededRandom(seed + 1)
  const pace = new Pace({ ceiling: CEILING, concurrency: 200, notify: silent, now: 0, random })
  return new LimitedRun(weather, seededRandom(seed)).run(planted ? deafTo429(pace) : pace)
}

const deafTo429 = (pace: Pace): Pacing => ({
  leave: (now) => pace.leave(now),
  departed: (retry) => pace.departed(retry),
  returned: (result, now) =>
    pace.returned(result.kind === 'ok' ? result : { kind: 'answered', ms: result.ms }, now),
})

const percent = (share: number) => `${(share * 100).toFixed(2)} %`
const refusedShare = ({ throttled, calls }: Measured) => throttled / calls

function complaintsOf({ utilisation, limitAt, durationMs }: Weather, measured: Measured): string[] {
  const { ok, possible, blackout, blackoutMs } = measured
  const found: string[] = []
  if (ok / possible < utilisation) found.push(`only ${percent(ok / possible)} of the limit used`)
  if (refusedShare(measured) > MOST_REFUSED) found.push(`${percent(refusedShare(measured))} refused`)
  if (blackout > 5 * (blackoutMs / 1000))
    found.push(`${blackout} calls in a blackout of ${blackoutMs / 1000} s`)
  for (let at = 1_000; at < durationMs - RECOVERY_MS; at += 1_000) {
    if (limitAt(at - 1) !== 0 || limitAt(at) === 0) continue
    const second = measured.seconds[(at + RECOVERY_MS) / 1000]
    if (second && second.ok < 0.9 * second.possible)
      found.push(`${second.ok} a second ten seconds after a blackout`)
  }
  return found
}

/** Undefined when nothing was sent too early, and something after the longest that anybody may hold us back. */
function obeyed(
  name: string,
  hint: (now: number) => string,
  { seed, planted }: ProofContext,
): string | undefined {
  const durationMs = name === 'thirty years' ? LONGEST_MS + 60_000 : 60_000
  const remote = { durationMs, limitAt: () => 40, latencyAt: steady, retryAfterAt: hint }
  const { early, seconds } = run(remote, seed, planted)
  if (early > 0) return `Retry-After, ${name}: ${early} calls before its time`
  return seconds.slice(2).some(({ ok }) => ok > 0)
    ? undefined
    : `Retry-After, ${name}: nothing is sent any more`
}
