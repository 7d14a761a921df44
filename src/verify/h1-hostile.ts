/** H1: hostile calls to the Track and Pipelines APIs. Each is refused in so many words, or stored exactly as it was said. */
import { openMemoryBus } from '../bus/memory.ts'
import { systemClock as clock } from '../core/clock.ts'
import { unwatched } from '../core/feed.ts'
import { isObject, memberMap, parseJson } from '../core/json.ts'
import { silent } from '../core/notices.ts'
import { type Received, TOPICS } from '../core/record.ts'
import { makeUlids } from '../core/ulid.ts'
import { seededRandom } from '../emulator/faults.ts'
import { inject } from '../http/inject.ts'
import { createServer, type HttpServer } from '../http/server.ts'
import { Intake } from '../ingest/accept.ts'
import { Judge } from '../ingest/judge.ts'
import { trackRoutes } from '../ingest/routes.ts'
import { knowSources, knowWriters } from '../ingest/sources.ts'
import { openMemoryPeople } from '../people/memory.ts'
import { policiesWith } from '../preflight/rules.ts'
import { FAULTS } from './faults.ts'
import { type HostileCall, makeCall } from './hostile-calls.ts'
import type { Proof, ProofContext } from './proof.ts'

const CASES = { quick: 10_000, full: 1_000_000 }
/** Longer than any honest answer takes, on a busy machine too. */
const HANG_MS = 5_000

export const hostile: Proof = {
  id: 'H1',
  promises: ['P12'],
  claim: 'No call crashes, stalls or gets a 5xx: it is refused with a typed 4xx, or stored to the character.',
  faultModel:
    'bytes, tokens and structure of good calls changed at random: depth, numbers, Unicode, truncation, repeats',
  control: 'values are parsed and printed again on their way to the log',
  run: async (context) => {
    await using stand = await openIntake(context)
    const random = seededRandom(context.seed)
    const total = context.cases ?? CASES[context.scale]
    const count = { accepted: 0, refused: 0 }
    const wrong: string[] = []
    let slowest = 0
    for (let n = 0; n < total && wrong.length < 3 && !context.signal.aborted; n += 1) {
      const call = makeCall(random)
      const begun = clock.mono()
      const { status, complaint } = await stand.say(call)
      slowest = Math.max(slowest, clock.mono() - begun)
      count[status < 300 ? 'accepted' : 'refused'] += 1
      if (complaint) wrong.push(`case ${n}, ${call.method} ${call.path} ${textOf(call)}: ${complaint}`)
      context.progress(n + 1, total, 'calls')
    }
    return {
      held: wrong.length === 0 && slowest < HANG_MS,
      figures: { calls: total, ...count, wrong: wrong.length, 'slowest, ms': Math.round(slowest) },
      ...(wrong.length > 0 && { detail: wrong.join('\n') }),
    }
  },
}

const textOf = ({ body }: HostileCall) => JSON.stringify(body.toString('latin1')).slice(0, 300)

interface Said {
  readonly status: number
  readonly complaint: string | undefined
}

interface Stand extends AsyncDisposable {
  say(call: HostileCall): Promise<Said>
}

/** The stage alone, on a bus in memory, without a socket: a million calls take minutes. */
async function openIntake({ planted }: ProofContext): Promise<Stand> {
  const real = openMemoryBus({ clock })
  const bus = planted ? FAULTS.printedAgain.bus(real) : real
  const ulids = makeUlids()
  // Nothing is remembered: a repeated id is stored again, so that every success leaves records to look at.
  const ledger = { seen: async () => new Map<string, string>(), remember: async () => {} }
  const people = openMemoryPeople()
  const intake = new Intake({ bus, ledger, people, clock, ulids, feed: unwatched, notify: silent })
  const judge = new Judge({ policies: policiesWith(), clock, notify: silent })
  const sources = [{ name: 'web', siteId: 'dev', apiKey: 'dev' }]
  const named = { nameSource: knowSources(sources), nameWriter: knowWriters(sources) }
  const server = createServer({ clock, ulids })
  await server.app.register(trackRoutes({ intake, judge, ...named, region: 'us', notify: silent }))
  let seen = 0
  return {
    say: async (call) => {
      const answer = await answerTo(server, call)
      const records = await real.read(TOPICS.events, { from: seen, limit: 1_000 })
      seen += records.length
      return { status: answer.status, complaint: complaintOf(call, answer, records) }
    },
    [Symbol.asyncDispose]: async () => {
      await server.stop({ graceMs: 0 })
      await real[Symbol.asyncDispose]()
    },
  }
}

interface Answer {
  readonly status: number
  readonly body: string
}

const TRACK = { authorization: `Basic ${btoa('dev:dev')}`, 'content-type': 'application/json' }
const PIPELINES = { authorization: `Basic ${btoa('dev:')}`, 'x-strict-mode': '1' }

async function answerTo({ app }: HttpServer, { method, path, body }: HostileCall): Promise<Answer> {
  const headers = path.startsWith('/v1/') ? PIPELINES : TRACK
  const { statusCode, body: text } = await inject(app, { method, url: path, payload: body, headers })
  return { status: statusCode, body: text }
}

function complaintOf(
  call: HostileCall,
  { status, body }: Answer,
  records: readonly Received[],
): string | undefined {
  if (status >= 500) return `${status} ${body}`
  if (status >= 400 && !isTyped(call.path, parseJson(body))) return `${status} in another form: ${body}`
  if (status >= 400 && records.length > 0) return `${status}, and stored all the same`
  if (records.some(({ value }) => parseJson(value) === undefined)) return 'what was stored is not JSON'
  return status === 200 ? changedIn(call, records[0]) : undefined
}

/** In the shape of the API; a path that cannot be decoded, or names nothing there is, belongs to none. */
function isTyped(path: string, body: unknown): boolean {
  if (!isObject(body)) return false
  if ('code' in body) return /%|^\/(unsubscribe|v1)/.test(path)
  return 'meta' in body || (path.startsWith('/api/v2/') && 'errors' in body)
}

/** Every member that is carried over must stand in the operation as it stood in the call, to the character. */
function changedIn({ path, body }: HostileCall, record: Received | undefined): string | undefined {
  const isEntity = path.startsWith('/api/v2/entity')
  if (!isEntity && !path.endsWith('/events')) return undefined
  const rename = (name: string) => (name === 'data' && !isEntity ? 'attributes' : name)
  return changedMember(memberMap(body.toString('utf8')), record, rename)
}

/** Id and timestamp may be stamped; what v1 calls otherwise is compared under its new name. */
const STAMPED = new Set(['id', 'timestamp', 'type', 'action', 'identifiers', 'anonymous_id'])

function changedMember(
  given: ReadonlyMap<string, string>,
  record: Received | undefined,
  rename: (name: string) => string,
): string | undefined {
  if (record === undefined) return 'it was taken, and nothing stored'
  const stored = memberMap(record.value)
  for (const [name, text] of given) {
    const kept = STAMPED.has(name) ? undefined : stored.get(rename(name))
    if (kept !== undefined && kept !== text) return `${name} became ${kept}`
  }
  return undefined
}
