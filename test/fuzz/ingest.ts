/**
 * Fuzzes the Track and the Pipelines API: whatever comes, the answer is a typed 4xx, or a success whose operations say exactly what was said.
 * `npm run fuzz -- 1000000 7` is a million cases of seed 7.
 */
import assert from 'node:assert/strict'
import { openMemoryBus } from '../../src/bus/memory.ts'
import { systemClock } from '../../src/core/clock.ts'
import { unwatched } from '../../src/core/feed.ts'
import { memberMap } from '../../src/core/json.ts'
import { silent } from '../../src/core/notices.ts'
import { type Received, TOPICS } from '../../src/core/record.ts'
import { makeUlids } from '../../src/core/ulid.ts'
import { createServer } from '../../src/http/server.ts'
import { Intake } from '../../src/ingest/accept.ts'
import { Judge } from '../../src/ingest/judge.ts'
import { trackRoutes } from '../../src/ingest/routes.ts'
import { knowSources, knowWriters } from '../../src/ingest/sources.ts'
import { openMemoryPeople } from '../../src/people/memory.ts'
import { policiesWith } from '../../src/preflight/rules.ts'
import { seeded } from '../flow/seeded.ts'
import { type Call, makeCall } from './calls.ts'

export interface Fuzzed {
  readonly accepted: number
  readonly refused: number
}

/** Throws at the first case that breaks the promise, with the case in its message. */
export async function fuzz(
  cases: number,
  seed: number,
  progress: (done: number) => void = () => {},
): Promise<Fuzzed> {
  const random = seeded(seed)
  const bus = openMemoryBus({ clock: systemClock })
  const ulids = makeUlids()
  // Nothing is remembered: a repeated id is stored again, so that every success leaves records to look at.
  const ledger = { seen: async () => new Map<string, string>(), remember: async () => {} }
  const intake = new Intake({
    bus,
    ledger,
    people: openMemoryPeople(),
    clock: systemClock,
    ulids,
    feed: unwatched,
    notify: silent,
  })
  const server = createServer({ clock: systemClock, ulids })
  const judge = new Judge({ policies: policiesWith(), clock: systemClock, notify: silent })
  const sources = [{ name: 'web', siteId: 'dev', apiKey: 'dev' }]
  const named = { nameSource: knowSources(sources), nameWriter: knowWriters(sources) }
  await server.app.register(trackRoutes({ intake, judge, ...named, region: 'us', notify: silent }))
  const track = { authorization: `Basic ${btoa('dev:dev')}` }
  const pipelines = { authorization: `Basic ${btoa('dev:')}`, 'x-strict-mode': '1' }
  let seen = 0
  const count = { accepted: 0, refused: 0 }
  for (let n = 0; n < cases; n += 1) {
    const call = makeCall(random)
    const answer = await server.app.inject({
      method: call.method,
      url: call.path,
      payload: call.body,
      headers: call.path.startsWith('/v1/') ? pipelines : { ...track, 'content-type': 'application/json' },
    })
    const records = await bus.read(TOPICS.events, { from: seen, limit: 1_000 })
    seen += records.length
    try {
      judgeAnswer(call, { status: answer.statusCode, body: answer.body }, records)
    } catch (cause) {
      throw new Error(
        `case ${n} of seed ${seed}: ${call.method} ${call.path} ${JSON.stringify(call.body.toString('latin1'))}`,
        { cause },
      )
    }
    count[answer.statusCode < 300 ? 'accepted' : 'refused'] += 1
    if (n % 10_000 === 0) progress(n)
  }
  await server.stop({ graceMs: 0 })
  await bus[Symbol.asyncDispose]()
  return count
}

function judgeAnswer(
  call: Call,
  { status, body }: { status: number; body: string },
  records: readonly Received[],
): void {
  assert.ok(status < 500, `${status} ${body}`)
  if (status >= 400) {
    assertTyped(call.path, JSON.parse(body))
    assert.equal(records.length, 0, 'what is refused is not stored')
  }
  for (const { value } of records) JSON.parse(value)
  if (status === 200) assertSaidTheSame(call, records)
}

/** In the shape of the API; a path that cannot be decoded, or names nothing there is, belongs to none. */
function assertTyped(path: string, body: object): void {
  if ('code' in body) assert.match(path, /%|^\/(unsubscribe|v1)/)
  else assert.ok((path.startsWith('/api/v2/') ? 'errors' : 'meta') in body || 'meta' in body, path)
}

/** Every member that is carried over must stand in the operation as it stood in the call, to the character. */
function assertSaidTheSame({ path, body }: Call, [record]: readonly Received[]): void {
  const text = body.toString('utf8')
  if (path.startsWith('/api/v2/entity')) assertMembers(memberMap(text), record, (name) => name)
  else if (path.endsWith('/events'))
    assertMembers(memberMap(text), record, (name) => (name === 'data' ? 'attributes' : name))
}

/** Id and timestamp may be stamped; what v1 calls otherwise is compared under its new name. */
const STAMPED = new Set(['id', 'timestamp', 'type', 'action', 'identifiers', 'anonymous_id'])

function assertMembers(
  given: ReadonlyMap<string, string>,
  record: Received | undefined,
  rename: (name: string) => string,
): void {
  assert.ok(record)
  const stored = memberMap(record.value)
  for (const [name, text] of given)
    if (!STAMPED.has(name) && stored.has(rename(name))) assert.equal(stored.get(rename(name)), text, name)
}

if (import.meta.main) {
  const [cases = '50000', seed = String(Math.floor(Math.random() * 2 ** 31))] = process.argv.slice(2)
  process.stdout.write(`${cases} cases of seed ${seed}\n`)
  const found = await fuzz(Number(cases), Number(seed), (done) => process.stderr.write(`${done}\n`))
  process.stdout.write(`${found.accepted} accepted, ${found.refused} refused, 0 broken\n`)
}
