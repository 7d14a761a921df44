/** A producer written to the reference architecture, and the contract of the topics: what it says, and what the code does. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Ajv } from 'ajv'
import { parse } from 'yaml'
import type { Status } from '../../src/admin/status.ts'
import type { LetterPage } from '../../src/admin/wire.ts'
import { openSqliteBus } from '../../src/bus/sqlite.ts'
import { systemClock as clock } from '../../src/core/clock.ts'
import { isObject, parseJson } from '../../src/core/json.ts'
import { silent } from '../../src/core/notices.ts'
import { TOPICS } from '../../src/core/record.ts'
import { Judge } from '../../src/ingest/judge.ts'
import { adopt, strangeRecord } from '../../src/ingest/strangers.ts'
import { policiesWith } from '../../src/preflight/rules.ts'
import { realDisk } from '../../src/sqlite/disk.ts'
import { stand, temporary } from './stand.ts'

interface Contract {
  readonly channels: Record<string, { address: string; messages: Record<string, { $ref: string }> }>
  readonly components: {
    readonly messages: Record<string, { examples: readonly { name: string; payload: object }[] }>
    readonly schemas: Record<string, object>
  }
}

const contract: Contract = parse(readFileSync(join(import.meta.dirname, '../../docs/asyncapi.yaml'), 'utf8'))
const ajv = new Ajv({ strict: false, allErrors: true }).addSchema(contract, 'contract')

function assertIs(schema: string, value: unknown): void {
  const validate = ajv.getSchema(`contract#/components/schemas/${schema}`) ?? assert.fail(schema)
  assert.ok(validate(value), `${schema}: ${ajv.errorsText(validate.errors)} in ${JSON.stringify(value)}`)
}

const envelope = (type: string, userId: string, payload: object, more: object = {}) => ({
  key: userId,
  value: JSON.stringify({ type, userId, payload, ...more }),
})

test('a producer of the reference envelope: the person and the event stand, garbage is a dead letter', async () => {
  const { gateway, emulator, admin, drained } = await stand()
  await gateway.publish(TOPICS.identify, [envelope('identify', '42', { email: 'ada@example.com' })])
  await gateway.publish(TOPICS.track, [
    envelope('track', '42', { event: 'order', properties: { total: 1.5 } }, { correlationId: 'order-7' }),
    { key: '42', value: 'garbage' },
    { key: '42', value: Uint8Array.of(0xff, 0xfe) },
  ])
  await gateway.publish(TOPICS.transactional, [envelope('transactional', '42', {})])
  while ((await gateway.conservation()).accepted < 5) await new Promise(setImmediate)
  await drained(1)
  assert.equal(emulator.person('id:42')?.email, 'ada@example.com')
  assert.deepEqual(
    emulator.events({ person: 'id:42' }).map(({ name, data }) => [name, data]),
    [['order', { total: 1.5 }]],
  )
  const { data } = await admin<LetterPage>('/dead-letters')
  assert.deepEqual(data.map(({ value, refusal }) => [value, refusal.code, refusal.reason]).sort(), [
    ['//4=', 'unreadable_record', 'invalid'],
    ['garbage', 'unreadable_record', 'invalid'],
  ])
  assert.match(data[0]?.headers.origin ?? '', /^customerio\.track\/\d+\/[12]$/)
  const { conservation, inbox, backlog } = await admin<Status>('/status')
  assert.deepEqual(
    [conservation.accepted, conservation.pending, conservation.dead, conservation.missing],
    [5, 1, 2, 0],
  )
  assert.equal(backlog.pending, 0)
  assert.deepEqual(
    inbox.map(({ topic, pending }) => [topic, pending]),
    [
      [TOPICS.identify, 0],
      [TOPICS.track, 0],
      [TOPICS.transactional, 1],
    ],
  )
})

const judge = new Judge({ policies: policiesWith(), clock, notify: silent })

test('docs/asyncapi.yaml: its examples keep to it, and the code takes those that producers may write', () => {
  const addresses = Object.values(contract.channels).map(({ address }) => address)
  assert.ok(addresses.every((address) => Object.values<string>(TOPICS).includes(address)))
  for (const [name, { examples }] of Object.entries(contract.components.messages))
    for (const { name: title, payload } of examples) {
      assertIs(name, payload)
      if (name !== 'envelope' && name !== 'operation') continue
      const record = strangeRecord({ value: JSON.stringify(payload) }, 1)
      const taken = adopt({ ...record, topic: TOPICS.track, lane: 0, offset: 1, epoch: 1 }, judge)
      assert.notEqual(taken.kind, 'unreadable', `${title}: ${taken.headers.fault}`)
      assertIs('operation', JSON.parse(taken.value))
    }
})

test('docs/asyncapi.yaml: what the code writes keeps to it', async () => {
  const directory = temporary()
  const { gateway, emulator, call, drained } = await stand({ directory })
  emulator.faults.add({ kind: 'status', status: 400, percent: 50 })
  await gateway.publish(TOPICS.track, [
    ...Array.from({ length: 50 }, (_, n) => envelope('track', `u${n}`, { event: 'e', n })),
    ...Array.from({ length: 5 }, (_, n) => envelope('identify', 'u1', { n })),
    { value: '{"half":' },
    { value: Uint8Array.of(0xff) },
    { value: '{"type":"ping"}' },
  ])
  await gateway.publish(TOPICS.events, [envelope('track', 'direct', { event: 'e' }), { value: 'garbage' }])
  await call('PUT', '/api/v1/customers/7', { email: 'ada@example.com' })
  while ((await gateway.conservation()).accepted < 61) await new Promise(setImmediate)
  await drained()
  const { dead, missing } = await gateway.conservation()
  assert.equal(missing, 0)
  await gateway.close()

  await using bus = await openSqliteBus({
    directory,
    disk: realDisk,
    clock,
    notify: silent,
    onFatal: () => {},
  })
  const read = async (topic: string) => (await bus.read(topic, { from: 0, limit: 1_000 })).map(parsed)
  const processed = await read(TOPICS.processed)
  assert.equal(processed.length, 61)
  for (const value of processed) assertIs('outcome', value)
  const letters = await read(TOPICS.dlq)
  assert.equal(letters.length, dead)
  for (const value of letters) assertIs('deadLetter', value)
  assert.equal(letters.filter((value) => isObject(value) && 'message' in value).length, 4)
})

const parsed = ({ value }: { value: string }): unknown =>
  parseJson(value) ?? assert.fail(`not JSON: ${value}`)
