/** What the scenarios of `sluice trigger` play on: a running gateway, its emulator, and ways to watch both. */
import type { Status } from '../admin/status.ts'
import { SluiceError } from '../core/errors.ts'
import { makeUlids } from '../core/ulid.ts'
import type { ActiveRule, FaultRule } from '../emulator/faults.ts'
import { type Api, adminApi, emulatorApi, query, trackApi } from './api.ts'
import { isLoopback } from './data-directory.ts'
import type { Job } from './job.ts'
import { Progress } from './progress.ts'
import { type AppliedEvent, isWhole, type SentEvent, type Tally, tally } from './tally.ts'

/** A call of Track v2 takes up to 500 KB; 500 small events are well below that. */
const BATCH = 500
const TICK_MS = 100
/** How much longer than planned a fault may last when the process that set it was killed. */
const GRACE_MS = 30_000
const LOOK_MS = 200
const PAGE = 10_000

interface EventPage {
  readonly data: readonly (AppliedEvent & { readonly seq: number })[]
}

/** What came of a scenario. */
export interface Figures {
  readonly [figure: string]: string | number | boolean
}

export class Stage {
  readonly job: Job
  readonly track: Api
  readonly admin: Api
  readonly emulator: Api
  readonly sent: SentEvent[] = []
  /** The largest backlog that was seen. */
  peak = 0
  /** Distinguishes the people of this run from those of all others. */
  readonly run: string
  readonly #ulids = makeUlids()
  readonly #people: number

  constructor(job: Job, apis: { track: Api; admin: Api; emulator: Api }, people: number) {
    this.job = job
    this.track = apis.track
    this.admin = apis.admin
    this.emulator = apis.emulator
    this.#people = people
    this.run = this.#ulid().slice(-4).toLowerCase()
  }

  #ulid(): string {
    return this.#ulids(this.job.host.clock.now())
  }

  say(text: string): void {
    this.job.output.note(text)
  }

  status(): Promise<Status> {
    return this.admin.json<Status>('GET', '/admin/v1/status')
  }

  /** Sends events in batches, in turns about some people. Each has an id of its own, so that it can be found again. */
  async sendEvents(count: number): Promise<void> {
    for (let at = 0; at < count; at += BATCH) {
      this.job.signal.throwIfAborted()
      const batch = Array.from({ length: Math.min(BATCH, count - at) }, () => this.#event())
      await this.track.json('POST', '/api/v2/batch', { batch })
      this.sent.push(...batch.map(({ id, identifiers }) => ({ id, person: identifiers.id })))
    }
  }

  #made = 0
  #event() {
    const made = this.#made
    this.#made += 1
    return {
      type: 'person',
      identifiers: { id: `sc_${this.run}_${made % this.#people}` },
      action: 'event',
      name: 'scenario_step',
      id: this.#ulid(),
      timestamp: Math.floor(this.job.host.clock.now() / 1000),
      attributes: { step: made },
    }
  }

  /** Switches a fault on while `work` runs. Should this process be killed, the fault ends by itself some time after `forMs`. */
  async during(rule: FaultRule, forMs: number, work: () => Promise<void>): Promise<void> {
    const bounded = { ...rule, forMs: forMs + GRACE_MS }
    const { data } = await this.emulator.json<{ data: readonly ActiveRule[] }>(
      'POST',
      '/_emulator/faults',
      bounded,
    )
    try {
      await work()
    } finally {
      for (const { id } of data) await this.emulator.call('DELETE', `/_emulator/faults/${id}`)
    }
  }

  /** Spreads events evenly over the time, and shows the backlog meanwhile. */
  async trickle(count: number, forMs: number): Promise<void> {
    const { output, host, signal } = this.job
    const ticks = Math.max(1, Math.ceil(forMs / TICK_MS))
    const progress = new Progress({ output, clock: host.clock, label: 'sending', total: count })
    for (let tick = 1; tick <= ticks; tick += 1) {
      await this.sendEvents(Math.floor((count * tick) / ticks) - this.sent.length)
      const now = await this.status()
      this.peak = Math.max(this.peak, now.backlog.pending)
      progress.update(this.sent.length, backlogText(now))
      await host.clock.sleep(TICK_MS, signal)
      signal.throwIfAborted()
    }
    progress.end(this.sent.length, backlogText(await this.status()))
  }

  /** Watches the backlog until it is empty. Throws `timed_out`. */
  async drain(timeoutMs: number): Promise<void> {
    const { output, host, signal } = this.job
    const { clock } = host
    const deadline = clock.mono() + timeoutMs
    const first = await this.status()
    const total = first.backlog.pending
    if (total === 0) return
    const progress = new Progress({ output, clock, label: 'draining', total })
    for (let now = first; ; now = await this.status()) {
      const left = now.backlog.pending
      if (left === 0) return progress.end(total, 'backlog 0')
      if (clock.mono() > deadline)
        throw new SluiceError(
          'timed_out',
          `${left} operations are still pending after ${timeoutMs / 1000} s.`,
        )
      progress.update(Math.max(0, total - left), backlogText(now))
      await clock.sleep(LOOK_MS, signal)
      signal.throwIfAborted()
    }
  }

  /** The account at the end. Throws `not_conserved` unless each event took effect once, in its order. */
  async conclude(figures: Figures): Promise<Figures> {
    const counted = await this.#account()
    const { missing } = (await this.status()).conservation
    const all = { ...counted, gateway_missing: missing ?? 0 }
    if (!isWhole(counted) || all.gateway_missing !== 0)
      throw new SluiceError('not_conserved', `${accountText(counted)}.`, { details: all })
    this.say(`✔ ${accountText(counted)}`)
    return { ...figures, ...all }
  }

  /** Compares what was sent with what took effect at the emulator. */
  async #account(): Promise<Tally> {
    const applied: AppliedEvent[] = []
    let after = 0
    for (;;) {
      const path = `/_emulator/events${query({ after, limit: PAGE })}`
      const { data } = await this.emulator.json<EventPage>('GET', path)
      applied.push(...data)
      const last = data.at(-1)
      if (last === undefined || data.length < PAGE) return tally(this.sent, applied)
      after = last.seq
    }
  }
}

const accountText = ({ sent, applied, missing, repeated, out_of_order }: Tally) =>
  `${sent} sent, ${applied} took effect: ${missing} lost, ${repeated} twice, ${out_of_order} out of order`

const backlogText = ({ backlog, upstream }: Status): string =>
  `backlog ${backlog.pending}  upstream ${upstream.state}  ${upstream.last_error ?? 'ok'}`

/**
 * Opens the stage. Throws `conflict` unless the gateway delivers to an emulator: scenarios send made-up people, which no
 * real workspace should meet.
 */
export async function openStage(job: Job, people: number): Promise<Stage> {
  const config = await job.config()
  const apis = {
    track: trackApi(job, config),
    admin: adminApi(job, config),
    // Not ended by ^C: a fault that was set is taken away even then.
    emulator: emulatorApi(job, config, new AbortController().signal),
  }
  const stage = new Stage(job, apis, people)
  const { url } = (await stage.status()).upstream
  if (url !== config.emulatorUrl && !isLoopback(new URL(url).hostname))
    throw new SluiceError('conflict', `This gateway delivers to ${url}, which is no emulator.`, {
      hint: 'Scenarios send made-up people. Run them against "sluice dev".',
    })
  await apis.emulator.json('GET', '/_emulator/stats')
  return stage
}
