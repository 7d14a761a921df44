/**
 * Ids are opaque (B4 H2): 10,000 of them, as awkward as they come, through the path or a batch, the log, the way out and what
 * the commands print. None becomes another, none is changed. `IDS=100000 SEED=7 node --test test/proof/ids.proof.ts` is the
 * whole of it.
 */
import assert from 'node:assert/strict'
import { Agent, request } from 'node:http'
import { test } from 'node:test'
import type { Trace } from '../../src/admin/wire.ts'
import { visible } from '../../src/cli/visible.ts'
import type { Random } from '../../src/core/clock.ts'
import { byteLength } from '../../src/core/json.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { seeded, seedFor } from '../flow/seeded.ts'
import { type Stand, stand } from '../flow/stand.ts'

const COUNT = Number(process.env.IDS ?? 10_000)

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

function makeId(random: Random): string {
  let id = ''
  for (let pieces = 1 + Math.floor(random() * 6); pieces > 0; pieces -= 1)
    id += PIECES[Math.floor(random() * PIECES.length)]
  return id
}

function makeIds(count: number, random: Random): string[] {
  const ids = new Set<string>()
  while (ids.size < count) {
    const id = makeId(random)
    if (id.trim() !== '' && byteLength(id) <= LIMITS.nameBytes) ids.add(id)
  }
  return [...ids]
}

/** A path says by its shape what its identifier is, so that these can be an id in a body alone. */
const isIdInPath = (id: string): boolean => !id.includes('@') && !id.startsWith('cio_')

const agent = new Agent({ keepAlive: true, maxSockets: 128 })

/** By node:http, which sends a path as it is: fetch would make another one of `/..`. */
function put({ gateway }: Stand, id: string, body: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const path = `/api/v1/customers/${encodeURIComponent(id)}`
  const headers = { authorization: `Basic ${btoa('dev:dev')}`, 'content-length': byteLength(body) }
  const call = request(
    { host: '127.0.0.1', port: gateway.port, path, method: 'PUT', headers, agent },
    (answer) => {
      answer.resume()
      answer.on('end', () => {
        if (answer.statusCode === 200) resolve(String(answer.headers['x-sluice-id']))
        else reject(new Error(`${answer.statusCode} for ${JSON.stringify(id)}`))
      })
    },
  )
  call.on('error', reject)
  call.end(body)
  return promise
}

/** The operation ids, by the place of the id. */
async function sayAll(at: Stand, ids: readonly string[]): Promise<ReadonlyMap<number, string>> {
  const operations = new Map<number, string>()
  const inPath = [...ids.entries()].filter(([, id]) => isIdInPath(id))
  const inBody = [...ids.entries()].filter(([, id]) => !isIdInPath(id))
  for (let from = 0; from < inPath.length; from += 256)
    await Promise.all(
      inPath
        .slice(from, from + 256)
        .map(async ([n, id]) => operations.set(n, await put(at, id, `{"n":${n}}`))),
    )
  for (let from = 0; from < inBody.length; from += 500) {
    const batch = inBody.slice(from, from + 500).map(([n, id]) => ({
      type: 'person',
      identifiers: { id },
      action: 'identify',
      attributes: { n },
    }))
    const answer = await at.call('POST', '/api/v2/batch', { batch })
    assert.equal(await answer.text(), '{}\n')
  }
  return operations
}

test(`${COUNT} ids come out as they went in, and none is another`, { timeout: 600_000 }, async (t) => {
  const ids = makeIds(COUNT, seeded(seedFor('ids')))
  const at = await stand({ env: { SLUICE_PREFLIGHT: 'similar_id=off,id_spaces=off,nul_character=off' } })
  const operations = await sayAll(at, ids)
  await at.drained()
  const found = new Map(at.emulator.people().map(({ id, attributes }) => [id, attributes.n]))
  assert.equal(found.size, ids.length, 'people at Customer.io')
  for (const [n, id] of ids.entries()) assert.equal(found.get(id), n, JSON.stringify(id))

  for (const id of ids) assert.equal(JSON.parse(visible(JSON.stringify(id))), id, 'what --json prints')

  const sample = [...operations].filter((_, place) => place % Math.ceil(operations.size / 500) === 0)
  for (const [n, operation] of sample) {
    const trace = await at.admin<Trace>(`/operations/${operation}`)
    assert.equal(trace.key, `id:${ids[n]}`, 'the log, the ledger and the admin API')
  }
  const { accepted, missing, dead } = await at.gateway.conservation()
  assert.deepEqual([accepted, missing, dead], [ids.length, 0, 0])
  t.diagnostic(`${ids.length} ids, ${operations.size} by path, 0 collisions, 0 mutations`)
  agent.destroy()
})
