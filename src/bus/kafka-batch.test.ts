/** Batches of records against the client's own reading and writing of them, which shares nothing with ours. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRecordsBatch, Reader, readRecordsBatch } from '@platformatic/kafka'
import fc from 'fast-check'
import type { BusRecord, Received } from '../core/record.ts'
import { committedOf, HEAD, type RecordBatch, readBatches } from './kafka-batch.ts'
import { BatchWriter } from './kafka-batch-writer.ts'
import { RecordReader } from './kafka-record.ts'

const SPOT = { topic: 't', lane: 3, epoch: 7 }
const SENDER = { producer: 42n, epoch: 1 }
const RUNS = { numRuns: 200, seed: 11 }
const SAMPLE: BusRecord = { id: 'i', key: 'k', kind: 'person.event', at: 1, headers: {}, value: '{}' }

function written(records: readonly BusRecord[], sequence = 5): Buffer {
  const writer = new BatchWriter()
  for (const record of records) assert.ok(writer.add(record, Number.POSITIVE_INFINITY))
  return writer.finish(SENDER, sequence)
}

function readAll(bytes: Buffer): Received[] {
  return readBatches(bytes).flatMap((batch) => {
    const reader = new RecordReader(batch, SPOT)
    const found: Received[] = []
    while (reader.next()) found.push(reader.take())
    return found
  })
}

/** Texts at the lengths at which a length takes another byte, and in all alphabets. */
const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 80 }),
  fc.constantFrom(62, 63, 64, 65, 8_190, 8_191, 8_192).map((length) => 'a'.repeat(length)),
  fc.constantFrom(31, 32, 2_730, 2_731).map((length) => '€'.repeat(length)),
)
const name = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 20 }).map((end) => `h-${end}`)
const headers = fc.array(fc.tuple(name, text), { maxLength: 3 }).map((pairs) => Object.fromEntries(pairs))
const filled = fc.string({ minLength: 1, maxLength: 30 })
const record: fc.Arbitrary<BusRecord> = fc.record({
  id: filled,
  key: text,
  kind: filled,
  at: fc.integer({ min: 0, max: 2 ** 45 }),
  headers,
  value: text,
})
/** Some with the very headers of the one before, as the records of one request have them. */
const records = fc.array(fc.tuple(record, fc.boolean()), { minLength: 1, maxLength: 20 }).map((drawn) => {
  let last: BusRecord | undefined
  return drawn.map(([each, alike]) => {
    last = alike && last ? { ...each, headers: last.headers, kind: last.kind } : each
    return last
  })
})

test('what is written is read, with its places', () => {
  fc.assert(
    fc.property(records, (given) => {
      const expected = given.map((each, offset) => ({ ...each, ...SPOT, offset }))
      assert.deepEqual(readAll(written(given)), expected)
    }),
    RUNS,
  )
})

test('the client reads what is written as it was meant', () => {
  fc.assert(
    fc.property(records, (given) => {
      const bytes = written(given)
      const batch = readRecordsBatch(Reader.from(bytes))
      assert.equal(batch.length, bytes.length - 12)
      const { producerId, producerEpoch, firstSequence, lastOffsetDelta } = batch
      assert.deepEqual(
        [producerId, producerEpoch, firstSequence, lastOffsetDelta],
        [42n, 1, 5, given.length - 1],
      )
      assert.equal(Number(batch.maxTimestamp), Math.max(...given.map(({ at }) => at)))
      const read = batch.records.map(({ key, value, timestampDelta, headers: pairs }) => {
        const {
          'sluice-id': id,
          'sluice-kind': kind,
          ...more
        } = Object.fromEntries(pairs.map(([called, said]) => [String(called), String(said)]))
        const at = Number(batch.firstTimestamp + timestampDelta)
        return { id, key: String(key), kind, at, headers: more, value: String(value) }
      })
      assert.deepEqual(
        read,
        given.map((each) => ({ ...each })),
      )
    }),
    RUNS,
  )
})

for (const compression of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const)
  test(`what the client writes with compression "${compression}" is read`, () => {
    const messages = Array.from({ length: 50 }, (_, n) => ({
      topic: 't',
      key: Buffer.from(`k${n}`),
      value: Buffer.from(`{"n":${n},"city":"Łódź"}`),
      timestamp: 1_700_000_000_000n - BigInt(n * 1_000_000), // also before the first
      headers: new Map([[Buffer.from('X-Trace'), Buffer.from(`t${n}`)]]),
    }))
    const { buffer } = createRecordsBatch(messages, compression === 'none' ? {} : { compression })
    const found = readAll(buffer)
    assert.deepEqual(
      found.map(({ key, value, at, headers: said }) => [key, value, at, said]),
      messages.map(({ key, value, timestamp }, n) => [
        String(key),
        String(value),
        Number(timestamp),
        { 'x-trace': `t${n}` },
      ]),
    )
  })

const someRecords = (count: number): BusRecord[] =>
  Array.from({ length: count }, (_, n) => ({
    ...{ id: `i${n}`, key: 'k', kind: 'person.event', at: n, headers: {} },
    value: `{"n":${n}}`,
  }))

test('records that are passed over cost the others nothing', () => {
  const [batch] = readBatches(written(someRecords(10)))
  assert.ok(batch)
  const reader = new RecordReader(batch, SPOT)
  const found: string[] = []
  while (reader.next()) if (reader.offset % 3 === 0) found.push(reader.take().id)
  assert.deepEqual(found, ['i0', 'i3', 'i6', 'i9'])
})

test('a batch that a fetch cut short is left for the next one', () => {
  const whole = written(someRecords(3))
  const cut = Buffer.concat([whole, whole.subarray(0, -1)])
  assert.equal(readBatches(cut).length, 1)
  assert.equal(readBatches(whole.subarray(0, 20)).length, 0)
})

test('a byte that is not what was written is noticed, wherever it is', () => {
  const whole = written(someRecords(3))
  for (let at = 16; at < whole.length; at += 1) {
    const bad = Buffer.from(whole)
    bad[at] = (bad[at] ?? 0) ^ 1
    assert.throws(() => readBatches(bad), { code: 'bus_unavailable' }, `byte ${at}`)
  }
})

test('a batch takes no more than it may hold, but for a first record that is larger by itself', () => {
  const writer = new BatchWriter()
  const [small, other] = someRecords(2)
  assert.ok(small && other)
  assert.ok(writer.add({ ...small, value: 'x'.repeat(5_000) }, 1_000))
  const { size } = writer
  assert.equal(writer.add(other, 1_000), false)
  assert.equal(writer.size, size)
  assert.deepEqual(
    readAll(writer.finish(SENDER, 0)).map(({ id }) => id),
    ['i0'],
  )
})

const TRANSACTIONAL = 1 << 4
const CONTROL = 1 << 5
const batchAt = (first: number, producer: number, attributes = TRANSACTIONAL): RecordBatch => ({
  ...{ first, end: first + 1, count: 1, attributes, firstAt: 0, lastAt: 0 },
  producer: BigInt(producer),
  bytes: Buffer.from('x'),
})
const seen = (batches: readonly RecordBatch[]) =>
  batches.filter(({ count }) => count > 0).map(({ first }) => first)

test('what belongs to a transaction that was given up is hidden, and nothing else', () => {
  const batches = [
    batchAt(0, 1), // given up, twice over
    batchAt(1, 2),
    batchAt(2, 1, TRANSACTIONAL | CONTROL),
    batchAt(3, 1),
    batchAt(4, 1, 0), // of no transaction
    batchAt(5, 1, TRANSACTIONAL | CONTROL),
    batchAt(6, 1), // committed
    batchAt(7, 2, TRANSACTIONAL | CONTROL),
  ]
  const aborted = [
    { producer: 1n, from: 3 },
    { producer: 1n, from: 0 },
  ]
  const found = committedOf(batches, aborted)
  assert.deepEqual(seen(found), [1, 4, 6])
  assert.deepEqual(
    found.map(({ end }) => end),
    [1, 2, 3, 4, 5, 6, 7, 8],
    'every offset is passed all the same',
  )
})

test('a transaction that was given up is hidden also where its end is not fetched yet', () => {
  const batches = [batchAt(0, 1), batchAt(1, 1)]
  assert.deepEqual(seen(committedOf(batches, [{ producer: 1n, from: 0 }])), [])
})

test('nothing is unpacked of what is hidden, however it was compressed', () => {
  for (let codec = 0; codec <= 4; codec += 1) {
    const [hidden] = committedOf([batchAt(0, 1, TRANSACTIONAL | codec)], [{ producer: 1n, from: 0 }])
    assert.ok(hidden)
    assert.equal(new RecordReader(hidden, SPOT).next(), false)
  }
})

test('a batch that is not what was written ends what is read, and fails it where it is the first', () => {
  const [good, bad] = [written([SAMPLE]), written([SAMPLE])]
  const spoiled = [
    () => bad.writeInt32BE(-12, HEAD.length),
    () => bad.writeInt32BE(5, HEAD.length),
    () => bad.writeInt32BE(2 ** 31 - 1, HEAD.length),
    () => bad.writeInt8(1, HEAD.magic),
    () => bad.writeInt8(bad.readInt8(bad.length - 1) ^ 1, bad.length - 1),
  ]
  for (const spoil of spoiled) {
    const before = Buffer.from(bad)
    spoil()
    assert.equal(readBatches(Buffer.concat([good, bad])).length, 1)
    assert.throws(() => readBatches(Buffer.concat([bad, good])), { code: 'bus_unavailable' })
    before.copy(bad)
  }
})
