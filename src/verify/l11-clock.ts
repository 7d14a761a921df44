/**
 * L11: the wall clock jumps while operations wait and fly: by an hour, a month, a millisecond back, and beyond 2038. What
 * waits goes by the monotonic clock, so that nothing is lost, doubled, overtaken or held up, and ids never go back. What
 * waits while the clock leaps over 72 hours looks old (the rule aged_event): it is kept as a dead letter, and replayed here.
 */
import type { Clock } from '../core/clock.ts'
import { within } from '../core/within.ts'
import { effectsOf, lostOf, someOf } from './effects.ts'
import { operationOf, type Tick } from './load.ts'
import type { Proof, ProofContext } from './proof.ts'
import { openStand, type Stand } from './stand.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
/** By how much, in milliseconds; the name is for whoever reads of it. */
const JUMPS: readonly (readonly [name: string, ms: number])[] = [
  ['an hour on', HOUR],
  ['an hour back', -HOUR],
  ['30 days back', -30 * DAY],
  ['30 days on', 30 * DAY],
  ['a millisecond back', -1],
  ['to 2038-01-19 and beyond', 13 * 365 * DAY],
  ['back from there', -13 * 365 * DAY],
  ['a day back', -DAY],
]
const ROUNDS = { quick: 1, full: 10 }
const EVENTS = 100
const PEOPLE = 10
/** After each jump everything must be delivered within so much real time. Undisturbed it takes a second. */
const PATIENCE_MS = 20_000

export const clockJumps: Proof = {
  id: 'L11',
  promises: ['P2', 'P3', 'P4'],
  claim:
    'A wall clock that jumps loses, doubles, overtakes and delays nothing, and the ids of operations never go back.',
  faultModel:
    'jumps by an hour, a day, 30 days, to 2038 and back, and a millisecond back, amid 20 % 503 and 10 % cut',
  control: 'whatever waits goes by the wall clock',
  run: async (context) => {
    const clock = new JumpingClock(context)
    await using stand = await openStand({ directory: context.directory, seed: context.seed, clock })
    stand.emulator.faults.add({ kind: 'status', status: 503, percent: 20 })
    stand.emulator.faults.add({ kind: 'cut', percent: 10 })
    const sent: Tick[] = []
    const late: string[] = []
    const jumps = Array.from({ length: ROUNDS[context.scale] }, () => JUMPS).flat()
    for (const [at, [name, ms]] of jumps.entries()) {
      if (context.signal.aborted || late.length > 0) break
      sent.push(...(await sendAround(stand, { from: sent.length + 1, jump: () => clock.jump(ms) })))
      if (!(await within(context.clock, PATIENCE_MS, stand.drained()))) late.push(name)
      context.progress(at + 1, jumps.length, 'jumps')
    }
    const { outOfOrder } = effectsOf(stand.emulator)
    const wentBack = idsThatWentBack(stand)
    const { dead } = await stand.gateway.conservation()
    await stand.admin('/dead-letters/replay', { kind: 'person.event' })
    if (late.length === 0 && !(await within(context.clock, PATIENCE_MS, stand.drained())))
      late.push('the replay')
    const effects = effectsOf(stand.emulator)
    const lost = late.length > 0 ? [] : lostOf(sent, effects)
    return {
      held: late.length + lost.length + effects.twice + outOfOrder + wentBack === 0,
      figures: {
        jumps: jumps.length,
        events: sent.length,
        'held as 72 hours old, then replayed': dead,
        lost: lost.length,
        twice: effects.twice,
        'out of order': outOfOrder,
        'ids that went back': wentBack,
        'held up by a jump': late.length,
      },
      ...(late.length + lost.length > 0 && { detail: `held up: ${late.join(', ')}; lost: ${someOf(lost)}` }),
    }
  },
}

/** The clock of the machine, with a wall clock that is wrong. Planted: its monotonic clock follows the wall. */
class JumpingClock implements Clock {
  readonly #real: Clock
  readonly #planted: boolean
  #offMs = 0

  constructor({ clock, planted }: ProofContext) {
    this.#real = clock
    this.#planted = planted
  }

  jump(ms: number): void {
    this.#offMs += ms
  }

  now(): number {
    return Math.floor(this.#real.now() + this.#offMs)
  }

  mono(): number {
    return this.#planted ? this.now() : this.#real.mono()
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return this.#real.sleep(ms, signal)
  }
}

/** Half of the events before the jump, half after it; without ids of their own, so that the gateway draws them. */
async function sendAround(stand: Stand, { from, jump }: { from: number; jump: () => void }): Promise<Tick[]> {
  const ticks = Array.from({ length: EVENTS }, (_, at): Tick => {
    return { n: from + at, person: `p${at % PEOPLE}`, bad: false }
  })
  await post(stand, ticks.slice(0, EVENTS / 2))
  jump()
  await post(stand, ticks.slice(EVENTS / 2))
  return ticks
}

async function post(stand: Stand, ticks: readonly Tick[]): Promise<void> {
  const batch = ticks.map((tick) => ({ ...operationOf(tick), id: undefined }))
  await stand.call('POST', '/api/v2/batch', { batch })
}

/** In the order in which the events were said. */
function idsThatWentBack({ emulator }: Stand): number {
  const inOrder = emulator.events().toSorted((a, b) => Number(a.data.n) - Number(b.data.n))
  return inOrder.filter(({ id }, at) => (id ?? '') < (inOrder[at - 1]?.id ?? '')).length
}
