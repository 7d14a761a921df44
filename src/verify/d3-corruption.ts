/** D3: whatever happens to the files of the log, it recovers whole, or refuses and names what is missing. Never in silence. */
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, rmSync, statSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { openSqliteBus } from '../bus/sqlite.ts'
import type { SqliteBus } from '../bus/sqlite-bus.ts'
import { systemClock } from '../core/clock.ts'
import { SluiceError } from '../core/errors.ts'
import { silent } from '../core/notices.ts'
import type { BusRecord, Received } from '../core/record.ts'
import { seededRandom } from '../emulator/faults.ts'
import { type Disk, realDisk } from '../sqlite/disk.ts'
import { cutShort, LOG_FILES, type Mutation, mixed, pageMutations, randomBit } from './damage.ts'
import { memoryDirectory } from './memory-directory.ts'
import type { Finding, Proof, ProofContext } from './proof.ts'

export const corruption: Proof = {
  id: 'D3',
  promises: ['P1', 'P2'],
  claim:
    'A damaged log recovers whole, or refuses and names the offsets that are missing; they alone are given up.',
  faultModel: 'flipped bits, zeroed and garbled pages, files cut short, gone, or of different times',
  control: 'the log is opened without looking at its anchor',
  run: proveCorruption,
}

const TOPICS = ['customerio.events', 'customerio.dlq'] as const
const GROUP = 'delivery'

/** What a log holds that is closed, or was left by a process that died. */
interface Sample {
  readonly directory: string
  /** By topic, by offset. */
  readonly records: ReadonlyMap<string, ReadonlyMap<number, string>>
  /** Of the first topic. */
  readonly settled: ReadonlySet<number>
}

async function proveCorruption(context: ProofContext): Promise<Finding> {
  await using fast = await memoryDirectory(context.directory)
  const random = seededRandom(context.seed)
  const samples = await makeSamples(fast.path)
  const bits = context.cases ?? (context.scale === 'full' ? 10_000 : 150)
  const cases = samples.flatMap((sample, at) =>
    [
      ...wholeMutations(sample, samples),
      ...fileMutations(sample, { random, bits: bits / samples.length, context }),
    ].map((mutation) => ({ sample, mutation, name: `sample ${at}, ${mutation.name}` })),
  )
  const tally = new Tally()
  for (const [tried, { sample, mutation, name }] of cases.entries()) {
    if (context.signal.aborted) break
    const directory = await mkdtemp(join(fast.path, 'm-'))
    copyLog(sample.directory, directory)
    mutation.apply(directory)
    const disk = context.planted ? unanchored : realDisk
    const trial = new Trial(sample, { directory, disk, last: samples.at(-1) ?? sample })
    tally.note(name, await trial.outcome(), trial.repeats)
    rmSync(directory, { recursive: true })
    context.progress(tried + 1, cases.length, 'damages')
  }
  return tally.finding()
}

function fileMutations(
  { directory }: Sample,
  { random, bits, context }: { random: () => number; bits: number; context: ProofContext },
): Mutation[] {
  const files = LOG_FILES.filter((file) => existsSync(join(directory, file)) && sizeOf(directory, file) > 0)
  const cuts = context.scale === 'full' ? 60 : 4
  return files.flatMap((file) => {
    const size = sizeOf(directory, file)
    const pages = pageMutations(file, size, random)
    return [
      ...(context.scale === 'full' ? pages : pages.filter(() => random() < 0.15)),
      ...Array.from({ length: Math.ceil(bits / files.length) }, () => randomBit(file, size, random)),
      ...Array.from({ length: cuts }, () => cutShort(file, size, random)),
    ]
  })
}

const sizeOf = (directory: string, file: string) => statSync(join(directory, file)).size

/** Files that are gone, and, of a log that its process left open, those of other times. */
function wholeMutations({ directory }: Sample, samples: readonly Sample[]): Mutation[] {
  const gone = LOG_FILES.map((file) => mixed(`${file} gone`, { [file]: undefined }))
  const others = samples.filter((other) => other.directory !== directory)
  const foreign = others.flatMap(({ directory: from }, at) =>
    LOG_FILES.filter((file) => existsSync(join(from, file))).map((file) =>
      mixed(`${file} of another time (${at})`, { [file]: from }),
    ),
  )
  return [...gone, mixed('database gone', { 'log.db': undefined, 'log.db-wal': undefined }), ...foreign]
}

const copyLog = (from: string, to: string) =>
  cpSync(from, to, { recursive: true, filter: (path) => !/-shm$|reserve$/.test(path) })

/** One log at four times: all in the WAL, part of it checkpointed, more after that, and closed. */
async function makeSamples(root: string): Promise<Sample[]> {
  const live = join(root, 'live')
  mkdirSync(live)
  const made = new Map<string, Map<number, string>>(TOPICS.map((topic) => [topic, new Map()]))
  const settled = new Set<number>()
  const samples: Sample[] = []
  const keep = () => {
    const directory = join(root, `sample-${samples.length}`)
    copyLog(live, directory)
    const records = new Map([...made].map(([topic, values]) => [topic, new Map(values)]))
    samples.push({ directory, records, settled: new Set(settled) })
  }
  const bus = await open(live, realDisk)
  const subscription = await bus.subscribe(TOPICS[0], GROUP)
  const batches = subscription[Symbol.asyncIterator]()
  for (let part = 0; part < 4; part += 1) {
    for (let n = 0; n < 12; n += 1) for (const topic of TOPICS) await publish(bus, topic, made)
    const { value } = await batches.next()
    const received: readonly Received[] = value ?? []
    const done = received.filter((_, at) => at % 3 !== part % 3 || at < 40)
    await subscription.settle(done)
    for (const { offset } of done) settled.add(offset)
    if (part < 3) keep()
  }
  await bus[Symbol.asyncDispose]()
  keep()
  return samples
}

let serial = 0

/** Text that becomes half as long when it is compressed. */
const digits = (seed: number): string =>
  createHash('shake256', { outputLength: 3_000 }).update(String(seed)).digest('hex')

async function publish(bus: SqliteBus, topic: string, made: Map<string, Map<number, string>>): Promise<void> {
  const values = made.get(topic) ?? new Map<number, string>()
  const isLong = serial % 16 === 8 // nine of them are compressed, to some pages
  const records = Array.from({ length: 1 + (serial % 9) }, (_, n): BusRecord => {
    const value = JSON.stringify({
      serial,
      n,
      more: isLong ? digits(serial + n) : 'x'.repeat((serial * 37) % 700),
    })
    values.set(values.size, value)
    return { id: `${serial}-${n}`, key: `id:${n}`, kind: 'person.event', at: 1, headers: {}, value }
  })
  serial += 1
  await bus.publish(topic, records)
}

const open = (directory: string, disk: Disk, acceptLoss = ''): Promise<SqliteBus> =>
  openSqliteBus({
    directory,
    disk,
    clock: systemClock,
    checkpointBytes: 150_000,
    notify: silent,
    onFatal: () => {},
    ...(acceptLoss !== '' && { acceptLoss }),
  })

type Outcome =
  | { readonly kind: 'whole' | 'named' }
  | { readonly kind: 'silent' | 'unnamed'; readonly what: string }

/** Opens one damaged log; where it names what is missing, accepts that, until it opens; then compares all of it. */
class Trial {
  readonly #sample: Sample
  /** Files of later times may be among the damaged. */
  readonly #last: Sample
  readonly #directory: string
  readonly #disk: Disk
  /** Whether settled records come again. */
  repeats = false
  readonly #accepted = new Map<string, { topic: string; from: number; to: number }>()

  constructor(sample: Sample, { directory, disk, last }: { directory: string; disk: Disk; last: Sample }) {
    this.#sample = sample
    this.#last = last
    this.#directory = directory
    this.#disk = disk
  }

  async outcome(): Promise<Outcome> {
    for (let round = 0; round < 20; round += 1)
      try {
        const wrong = await this.#compare()
        if (wrong !== undefined) return { kind: 'silent', what: wrong }
        return { kind: this.#accepted.size === 0 ? 'whole' : 'named' }
      } catch (thrown) {
        if (!this.#hasNamed(thrown)) return { kind: 'unnamed', what: String(thrown) }
      }
    return { kind: 'unnamed', what: `it goes on naming: ${[...this.#accepted.keys()].join()}` }
  }

  /** True when the error names offsets that were not named before. */
  #hasNamed(thrown: unknown): boolean {
    if (!(thrown instanceof SluiceError) || thrown.code !== 'log_damaged') return false
    const { topic, from, to, offsets = `${topic}:${from}-${to}` } = thrown.details
    const before = this.#accepted.size
    for (const part of String(offsets).split(',')) {
      const [, name, first, last] = /^(.+):(\d+)-(\d+)$/.exec(part) ?? []
      if (name !== undefined) this.#accepted.set(part, { topic: name, from: Number(first), to: Number(last) })
    }
    return this.#accepted.size > before
  }

  async #compare(): Promise<string | undefined> {
    const acceptLoss = [...this.#accepted.keys()].join(',')
    await using bus = await open(this.#directory, this.#disk, acceptLoss)
    for (const topic of TOPICS) {
      const wrong = await this.#compareTopic(bus, topic)
      if (wrong !== undefined) return `${topic}: ${wrong}`
    }
    return await this.#compareGroup(bus)
  }

  async #compareTopic(bus: SqliteBus, topic: string): Promise<string | undefined> {
    const found = new Map<number, string>()
    for (let from = 0; ; ) {
      const records = await bus.read(topic, { from, limit: 1000 })
      for (const { offset, value } of records) found.set(offset, value)
      if (records.length === 0) break
      from = (records.at(-1)?.offset ?? from) + 1
    }
    const expected = this.#sample.records.get(topic) ?? new Map<number, string>()
    const ever = this.#last.records.get(topic)
    for (const [offset, value] of expected)
      if (!this.#isNamed(topic, offset) && found.get(offset) !== value) return `${offset} is lost or altered`
    for (const [offset, value] of found)
      if (ever?.get(offset) !== value) return `${offset} was never published so`
    return undefined
  }

  #isNamed(topic: string, offset: number): boolean {
    return [...this.#accepted.values()].some(
      (range) => range.topic === topic && range.from <= offset && offset <= range.to,
    )
  }

  /** Everything unsettled comes. What was settled may come again: the ledger, another file, knows how it ended. */
  async #compareGroup(bus: SqliteBus): Promise<string | undefined> {
    const { unsettled } = await bus.lag(TOPICS[0], GROUP)
    const came = new Set<number>()
    await using subscription = await bus.subscribe(TOPICS[0], GROUP, { batch: 100_000 })
    if (unsettled > 0)
      for await (const batch of subscription) {
        for (const { offset } of batch) came.add(offset)
        if (came.size >= unsettled) break
      }
    const expected = [...(this.#sample.records.get(TOPICS[0]) ?? new Map()).keys()].filter(
      (offset) => !this.#sample.settled.has(offset) && !this.#isNamed(TOPICS[0], offset),
    )
    const withheld = expected.find((offset) => !came.has(offset))
    if (withheld !== undefined) return `${withheld} does not come`
    if ([...came].some((offset) => this.#sample.settled.has(offset))) this.repeats = true
    return undefined
  }
}

/** The fault that the proof must find: an anchor that claims nothing. */
const unanchored: Disk = {
  ...realDisk,
  syncedFile: (path) => {
    const file = realDisk.syncedFile(path)
    const text = JSON.stringify({ turn: 1, heads: [] })
    return { ...file, size: file.size, read: () => Buffer.from(`${crc32(text).toString(16)} ${text}\n`) }
  },
}

class Tally {
  readonly #wrong: string[] = []
  readonly #counts = { whole: 0, named: 0, silent: 0, unnamed: 0 }
  #repeats = 0

  note(name: string, outcome: Outcome, repeats: boolean): void {
    this.#counts[outcome.kind] += 1
    if (repeats) this.#repeats += 1
    if ('what' in outcome) this.#wrong.push(`${name}: ${outcome.what}`)
  }

  finding(): Finding {
    const { whole, named, silent, unnamed } = this.#counts
    return {
      held: whole + named > 0 && this.#wrong.length === 0,
      figures: {
        damages: whole + named + silent + unnamed,
        'recovered whole': whole,
        'refused by name': named,
        silent,
        'refused without a name': unnamed,
        'settled comes again': this.#repeats,
      },
      ...(this.#wrong.length > 0 && { detail: this.#wrong.slice(0, 12).join('\n') }),
    }
  }
}
