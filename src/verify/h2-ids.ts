/** H2: awkward ids through the path or a batch, the log, the way out and the admin API. None becomes another, none is changed. */
import { Agent, request } from 'node:http'
import type { Trace } from '../admin/wire.ts'
import type { Random } from '../core/clock.ts'
import { SluiceError } from '../core/errors.ts'
import { byteLength } from '../core/json.ts'
import { LIMITS } from '../core/limits.ts'
import { seededRandom } from '../emulator/faults.ts'
import type { Proof } from './proof.ts'
import { openStand, type Stand } from './stand.ts'

const IDS = { quick: 2_000, full: 100_000 }
/** Calls at once: the log commits them in groups. */
const AT_ONCE = 256

export const ids: Proof = {
  id: 'H2',
  promises: ['P12'],
  claim: 'Ids are opaque: every one reaches Customer.io as it was given, and no two become one.',
  faultModel:
    'ids with what paths, URLs, shells, SQL and screens read otherwise: separators, escapes, NUL, look-alikes, both forms of an accent',
  control: 'the log writes accents in one form',
  run: async ({ scale, cases, seed, planted, directory, progress, signal }) => {
    const random = seededRandom(seed)
    const given = makeIds(cases ?? IDS[scale], random)
    const env = { SLUICE_PREFLIGHT: 'similar_id=off,id_spaces=off,nul_character=off' }
    await using at = await openStand({ directory, seed, env, fault: planted ? 'foldedIds' : undefined })
    const operations = new Map<number, string>()
    for (let from = 0; from < given.length && !signal.aborted; from += AT_ONCE) {
      await sayAll(at, [...given.entries()].slice(from, from + AT_ONCE), operations)
      progress(Math.min(given.length, from + AT_ONCE), given.length, 'ids')
    }
    agent.destroy()
    await at.drained()
    const found = new Map(at.emulator.people().map(({ id, attributes }) => [id, attributes.n]))
    const changed = given.filter((id, n) => found.get(id) !== n)
    const strange = await strangeTraces(at, given, operations)
    const { missing, dead } = await at.gateway.conservation()
    const wrong =
      changed.length + strange.length + (missing ?? 0) + dead + Math.abs(found.size - given.length)
    return {
      held: wrong === 0,
      figures: { ids: given.length, 'by path': operations.size, people: found.size, changed: changed.length },
      ...(wrong > 0 && {
        detail: [...changed, ...strange]
          .slice(0, 3)
          .map((id) => JSON.stringify(id))
          .join('\n'),
      }),
    }
  },
}

/** Pieces that have been one and the same to somebody's database, URL, shell or screen. */
const PIECES = [
  ...[
    '/',
    '?',
    '#',
    '%',
    '%2F',
    '%25',
    '+',
    ' ',
    '&',
    '=',
    ':',
    ';',
    ',',
    '.',
    '..',
    '\\',
    '"',
    "'",
    '`',
    '$',
    '*',
  ],
  ...[
    'é',
    'e\u0301',
    'Å',
    'A\u030a',
    'ﬁ',
    'fi',
    'ß',
    'ss',
    'İ',
    'i̇',
    '１',
    '1',
    '01',
    '1.0',
    '1e0',
    'K',
    '\u212a',
  ],
  ...[
    '👩‍👩‍👧',
    '👩',
    '\u200d',
    '\u200b',
    '\u200f',
    '\u202e',
    '\ufeff',
    '\u00a0',
    '\u2028',
    '\u00ad',
    '😀',
    '𝟙',
  ],
  ...[
    '\u0000',
    '\u0001',
    '\t',
    '\n',
    '\r',
    '\u001b[31m',
    '\u007f',
    '<b>',
    '--',
    '{}',
    '[]',
    'null',
    'true',
    '__proto__',
  ],
  ...[
    'a',
    'A',
    'b',
    'cio_',
    '@',
    'a@b.c',
    'A@B.C',
    'id:',
    'email:',
    '0',
    '7',
    'constructor',
    '\\u0000',
    '\\n',
  ],
]

function makeIds(count: number, random: Random): string[] {
  const made = new Set<string>()
  while (made.size < count) {
    let id = ''
    for (let pieces = 1 + Math.floor(random() * 6); pieces > 0; pieces -= 1)
      id += PIECES[Math.floor(random() * PIECES.length)]
    if (id.trim() !== '' && byteLength(id) <= LIMITS.nameBytes) made.add(id)
  }
  return [...made]
}

type Placed = readonly [n: number, id: string]

/** A path says by its shape what its identifier is, so that an address or a cio_id can be an id in a body alone. */
const isIdInPath = ([, id]: Placed): boolean => !id.includes('@') && !id.startsWith('cio_')

async function sayAll(at: Stand, some: readonly Placed[], operations: Map<number, string>): Promise<void> {
  const batch = some
    .filter((one) => !isIdInPath(one))
    .map(([n, id]) => ({ type: 'person', identifiers: { id }, action: 'identify', attributes: { n } }))
  const answer = await at.call('POST', '/api/v2/batch', { batch })
  if (answer.status !== 200) throw new SluiceError('internal', `The batch was answered ${answer.status}.`)
  await Promise.all(
    some.filter(isIdInPath).map(async ([n, id]) => {
      operations.set(n, await put(at, id, `{"n":${n}}`))
    }),
  )
}

const agent = new Agent({ keepAlive: true, maxSockets: 64 })

/** By node:http, which sends a path as it is: fetch would make another one of `/..`. Resolves with the operation's id. */
function put({ gateway }: Stand, id: string, body: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const path = `/api/v1/customers/${encodeURIComponent(id)}`
  const headers = { authorization: `Basic ${btoa('dev:dev')}`, 'content-length': byteLength(body) }
  const to = { host: '127.0.0.1', port: gateway.port, path, method: 'PUT', headers, agent }
  const call = request(to, (answer) => {
    answer.resume()
    answer.on('end', () => {
      if (answer.statusCode === 200) resolve(String(answer.headers['x-sluice-id']))
      else reject(new SluiceError('internal', `${answer.statusCode} for the id ${JSON.stringify(id)}`))
    })
  })
  call.on('error', reject)
  call.end(body)
  return promise
}

/** Of 200 operations, the ids of those whose story is told under another key. */
async function strangeTraces(
  at: Stand,
  given: readonly string[],
  operations: ReadonlyMap<number, string>,
): Promise<string[]> {
  const strange: string[] = []
  const step = Math.ceil(operations.size / 200)
  for (const [n, operation] of [...operations].filter((_, place) => place % step === 0)) {
    const { key } = await at.admin<Trace>(`/operations/${operation}`)
    if (key !== `id:${given[n]}`) strange.push(given[n] ?? '')
  }
  return strange
}
