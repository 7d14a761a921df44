/** Fencing on Kafka, and that the tests of it are worth something: each fault is planted in a copy of the code and must be seen. */
import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import type { Bus } from '../../src/bus/bus.ts'
import { SCENARIOS } from '../../src/bus/conformance.ts'
import { makeRecord, patience, until } from '../../src/bus/conformance-stand.ts'
import { KAFKA_FEATURES, type KafkaBusOptions, openKafkaBus } from '../../src/bus/kafka.ts'
import { systemClock } from '../../src/core/clock.ts'
import { MovableClock } from '../../src/emulator/movable-clock.ts'
import { staleMemberChangesNothing } from './fencing.ts'
import { createTopics, reasonToLeaveOut, shareBroker } from './stand.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const TOPIC = 'customerio.events'
const LANES = 4
const skip = reasonToLeaveOut()
const broker = shareBroker(skip)
const cluster = () => ({ brokers: [broker().address()] })

type Open = typeof openKafkaBus
type Check = (open: Open) => Promise<void>

let serial = 0
const nextPrefix = () => {
  serial += 1
  return `f${serial}.`
}

const openQuick = (open: Open, more: Partial<KafkaBusOptions>): Bus =>
  open({ cluster: cluster(), clock: systemClock, sessionMs: 6_000, heartbeatMs: 100, ...more })

const fencing: Check = (open) => {
  const topic = nextPrefix()
  return staleMemberChangesNothing({
    cluster: cluster(),
    topic,
    open: (more) => openQuick(open, more),
  })
}

/** One scenario of the suite that every bus passes. */
const scenario =
  (title: string): Check =>
  async (open) => {
    const found = Object.entries(SCENARIOS).find(([name]) => name.includes(title))?.[1] ?? assert.fail(title)
    const prefixes = new Map<Bus, string>()
    const openAgain = (prefix: string) => {
      const bus = openQuick(open, { prefix })
      prefixes.set(bus, prefix)
      return bus
    }
    await found({
      features: KAFKA_FEATURES,
      lanes: LANES,
      open: async () => {
        const prefix = nextPrefix()
        await createTopics(cluster(), [`${prefix}${TOPIC}`], LANES)
        return openAgain(prefix)
      },
      reopen: async (bus) => {
        await bus[Symbol.asyncDispose]()
        return openAgain(prefixes.get(bus) ?? assert.fail())
      },
    })
  }

interface Fault {
  readonly file: string
  readonly edits: readonly (readonly [from: string, to: string])[]
  readonly check: Check
}

const FAULTS: Readonly<Record<string, Fault>> = {
  'commits what is handed out, before it is settled': {
    file: 'kafka-commit.ts',
    edits: [
      ['encodePosition(progress.saved(MOST_GAPS))', 'encodePosition({ position: progress.next, above: [] })'],
    ],
    check: scenario('after a crash exactly the unsettled'),
  },
  "joins again and repeats the commit, as the client's own commit() does": {
    file: 'kafka-commit.ts',
    edits: [['const held = lanes.filter((lane) => !lane.fenced)', 'const held = [...lanes]']],
    check: fencing,
  },
  'does not look at what it owns: goes on with every lane that it ever had': {
    file: 'kafka-lanes.ts',
    edits: [
      ['lanes: this.#claimed }', 'lanes: [] }'],
      ['!draining && !this.#assigned.has(lane)', 'draining && !this.#assigned.has(lane)'],
    ],
    check: scenario('share one whole'),
  },
  'does not fence': {
    file: 'kafka-lanes.ts',
    edits: [['for (const lane of lanes) this.#fence(lane)', '']],
    check: fencing,
  },
  'counts what is settled under an epoch that has ended': {
    file: 'kafka-subscription.ts',
    edits: [
      [
        'if (await this.#committer.commit(lane)) accepted += count',
        'await this.#committer.commit(lane)\n      accepted += count\n      if (count < 0) return',
      ],
    ],
    check: fencing,
  },
  'forgets what is settled above the position': {
    file: 'kafka-position.ts',
    edits: [['if (!metadata.startsWith(MARK)) return', 'if (metadata !== MARK) return']],
    check: scenario('after a crash exactly the unsettled'),
  },
}

/** The bus with the fault in it, from a copy of the code. */
async function plant({ file, edits }: Fault): Promise<{ open: Open; remove: () => void }> {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-planted-'))
  symlinkSync(join(ROOT, 'node_modules'), join(directory, 'node_modules'))
  writeFileSync(join(directory, 'package.json'), '{"type":"module"}')
  for (const folder of ['bus', 'core'])
    cpSync(join(ROOT, 'src', folder), join(directory, 'src', folder), { recursive: true })
  const path = join(directory, 'src/bus', file)
  let text = readFileSync(path, 'utf8')
  for (const [from, to] of edits) {
    assert.ok(text.includes(from), `${file} no longer has: ${from}`)
    text = text.replace(from, to)
  }
  writeFileSync(path, text)
  const { openKafkaBus: open } = await import(join(directory, 'src/bus/kafka.ts'))
  return { open, remove: () => rmSync(directory, { recursive: true, force: true }) }
}

test('a member that was given up on changes nothing for its successor', { skip }, () => fencing(openKafkaBus))

for (const [name, fault] of Object.entries(FAULTS))
  test(`planted: a bus that ${name} is found out`, { skip }, async (t) => {
    patience.ms = 5_000 // where a fault withholds records, that is waited for no longer
    const { open, remove } = await plant(fault)
    const failure = await fault.check(open).then(
      () => undefined,
      (thrown: unknown) => thrown as Error,
    )
    remove()
    assert.ok(failure instanceof assert.AssertionError, `nothing noticed: ${failure}`)
    t.diagnostic(failure.message.split('\n')[0] ?? '')
  })

test('a consumer that no longer fetches is started anew, which is told', { skip }, async () => {
  const { open: openStuck, remove } = await plant({
    file: 'kafka-fetcher.ts',
    edits: [['await this.#launch()', 'if ((Fetcher.first ??= this) !== this) await this.#launch()']],
    check: fencing,
  })
  const topic = nextPrefix()
  await createTopics(cluster(), [topic], 1)
  const told: string[] = []
  const clock = new MovableClock(systemClock)
  // Time enough passes once, when the lane is held: on a machine that is slow to join, a short stall would pass again and again.
  const patient = { stallMs: 600_000, sessionMs: 1_200_000 }
  await using bus = openQuick(openStuck, { clock, ...patient, notify: (name) => told.push(name) })
  const subscription = await bus.subscribe(topic, 'g')
  await bus.publish(topic, [makeRecord('a', 1)])
  await until(async () => subscription.share === 1)
  clock.advance(patient.stallMs)
  for await (const batch of subscription) {
    assert.equal(await subscription.settle(batch), 1)
    break
  }
  assert.ok(told.includes('bus.stalled'))
  remove()
})
