/** The scenarios of `sluice trigger`: short plays that show what the gateway does when things go well, and when not. */
import type { LetterPage, Trace } from '../admin/wire.ts'
import { SluiceError } from '../core/errors.ts'
import type { PersonView } from '../emulator/emulator.ts'
import { waitUntilSettled } from './settled.ts'
import type { Figures, Stage } from './stage.ts'
import { spanText } from './time.ts'

export interface Scenario {
  readonly name: string
  readonly summary: string
  /** How many events, how long, and about how many people, unless said otherwise. */
  readonly n: number
  readonly forMs: number
  readonly people: number
  /** Plays it, and returns what came of it. Throws `not_conserved` when anything was lost, repeated or reordered. */
  readonly play: (stage: Stage, size: Size) => Promise<Figures>
}

export interface Size {
  readonly n: number
  readonly forMs: number
  /** The bound on the time in which a backlog must drain. */
  readonly drainMs: number
}

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'welcome',
    summary: 'One person signs up: an identify and two events, followed to the end.',
    n: 2,
    forMs: 0,
    people: 1,
    play: welcome,
  },
  {
    name: 'burst',
    summary: 'Thousands of events at once, delivered in batches, in order per person.',
    n: 5000,
    forMs: 0,
    people: 250,
    play: burst,
  },
  {
    name: 'poison',
    summary:
      'One operation that Customer.io refuses, in a batch of good ones: only it becomes a dead letter.',
    n: 20,
    forMs: 0,
    people: 5,
    play: poison,
  },
  {
    name: 'rate_limit',
    summary: 'Customer.io answers 429 above a few calls a second: the rate follows.',
    n: 2000,
    forMs: 10_000,
    people: 100,
    play: rateLimit,
  },
  {
    name: 'outage',
    summary: 'Customer.io is away: a backlog rises, waits, and drains. Nothing is lost.',
    n: 2000,
    forMs: 10_000,
    people: 100,
    play: outage,
  },
]

async function welcome(stage: Stage, { drainMs }: Size): Promise<Figures> {
  const person = `ada_${stage.run}`
  const about = { type: 'person', identifiers: { id: person } }
  const attributes = { first_name: 'Ada', email: `${person}@example.com`, plan: 'free' }
  const steps = [
    { ...about, action: 'identify', attributes },
    { ...about, action: 'event', name: 'signed_up', attributes: { via: 'sluice' } },
    { ...about, action: 'event', name: 'order_completed', attributes: { total: 19.9 } },
  ]
  let id = ''
  for (const step of steps) {
    const { headers } = await stage.track.call('POST', '/api/v2/entity', JSON.stringify(step))
    id = headers.get('x-sluice-id') ?? ''
    const what = 'name' in step ? step.name : step.action
    stage.say(`▸ ${what.padEnd(16)}  ${person}  accepted as ${id}`)
  }
  const last: Trace = await waitUntilSettled(stage.job, stage.admin, id)
  stage.say(`✔ delivered in ${spanText((last.endedAt ?? last.receivedAt) - last.receivedAt)}`)
  await stage.drain(drainMs)
  const view = await stage.emulator.json<PersonView>('GET', `/_emulator/people/id:${person}`)
  stage.say(`✔ Customer.io, emulated, knows ${String(view.attributes.first_name)} as ${view.cio_id}`)
  stage.say(`Next: sluice trace ${id}, sluice emulator people id:${person}, sluice trigger outage`)
  return { person, operations: steps.length, last_operation: id, cio_id: view.cio_id }
}

async function burst(stage: Stage, { n, drainMs }: Size): Promise<Figures> {
  const { clock } = stage.job.host
  const startedAt = clock.mono()
  await stage.sendEvents(n)
  const acceptedMs = clock.mono() - startedAt
  stage.say(`▸ ${n} events accepted, each of them on the disk, in ${spanText(acceptedMs)}`)
  await stage.drain(drainMs)
  const deliveredMs = clock.mono() - startedAt
  stage.say(`✔ delivered in ${spanText(deliveredMs)}, ${Math.round((n * 1000) / deliveredMs)} a second`)
  return stage.conclude({
    accepted_in_s: rounded(acceptedMs / 1000),
    delivered_in_s: rounded(deliveredMs / 1000),
  })
}

/**
 * Customer.io takes `ios` and `android` (Track API, devices). No rule of preflight looks at it, so that it is Customer.io who
 * refuses: what preflight knows is refused before it is taken, and never is a dead letter.
 */
const PLATFORM = 'windows'

async function poison(stage: Stage, { n, drainMs }: Size): Promise<Figures> {
  const identifiers = { id: `poison_${stage.run}` }
  const device = { token: 't-1', platform: PLATFORM }
  const bad = { type: 'person', identifiers, action: 'add_device', device }
  await stage.track.call('POST', '/api/v2/entity', JSON.stringify(bad))
  await stage.sendEvents(n)
  stage.say(`▸ ${n} good events and one device of the platform ${PLATFORM}`)
  await stage.drain(drainMs)
  const path = `/admin/v1/dead-letters?key=id:${identifiers.id}`
  const [letter] = (await stage.admin.json<LetterPage>('GET', path)).data
  if (letter === undefined) throw new SluiceError('not_conserved', 'The bad operation is no dead letter.')
  stage.say(`✖ 1 dead: ${letter.refusal.message ?? letter.refusal.reason}`)
  stage.say(`Next: sluice dlq show ${letter.id}, sluice dlq drop ${letter.id}`)
  return stage.conclude({ dead_letter: letter.id })
}

async function rateLimit(stage: Stage, { n, forMs, drainMs }: Size): Promise<Figures> {
  const rps = 2
  const before = (await stage.status()).upstream.rate_per_s
  stage.say(`▸ Customer.io now takes ${rps} calls a second; the gateway was at ${Math.round(before)}`)
  await stage.during({ kind: 'rate_limit', rps }, forMs, () => stage.trickle(n, forMs))
  const after = (await stage.status()).upstream.rate_per_s
  stage.say(`✔ the limit is off; the rate had come down to ${after.toFixed(1)} a second`)
  await stage.drain(drainMs)
  return stage.conclude({ rate_before: rounded(before), rate_after: rounded(after) })
}

async function outage(stage: Stage, { n, forMs, drainMs }: Size): Promise<Figures> {
  stage.say(`✖ Customer.io is away for ${spanText(forMs)}; the application goes on sending`)
  await stage.during({ kind: 'outage', status: 503 }, forMs, () => stage.trickle(n, forMs))
  stage.say(`✔ Customer.io is back; ${stage.peak} operations had piled up`)
  await stage.drain(drainMs)
  return stage.conclude({ backlog_peak: stage.peak })
}

const rounded = (figure: number): number => Math.round(figure * 100) / 100
