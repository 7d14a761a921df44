import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { checkNode } from '../../src/cli/checks.ts'
import { DEAD_URL, fakeSluice, type Reply } from './fake-sluice.ts'
import { Terminal } from './terminal.ts'

interface Found {
  readonly name: string
  readonly state: string
  readonly found: string
  readonly fix?: string
}

const CREDENTIALS = { CUSTOMERIO_SITE_ID: 'site', CUSTOMERIO_API_KEY: 'hunter2hunter2' }
const REGION = 'GET /api/v1/accounts/region'
/** When the hurried clock of a test terminal begins. */
const NOW = 'Tue, 24 Nov 2026 12:00:00 GMT'

async function examine(env: Record<string, string>, ...words: string[]) {
  const cwd = mkdtempSync(join(tmpdir(), 'sluice-'))
  try {
    const terminal = new Terminal({ env: { SLUICE_PORT: '0', ...env }, cwd })
    const ran = await terminal.run('doctor', '--json', ...words)
    assert.ok(!existsSync(join(cwd, '.sluice')), 'a check leaves nothing behind')
    const data: Found[] = JSON.parse(ran.stdout).data
    return { ...ran, of: (name: string) => data.find((check) => check.name === name) }
  } finally {
    rmSync(cwd, { recursive: true })
  }
}

async function examineAgainst(reply: Reply, env: Record<string, string> = {}) {
  await using fake = await fakeSluice({ [REGION]: reply })
  const ran = await examine({ ...CREDENTIALS, CUSTOMERIO_TRACK_URL: fake.url, ...env })
  return { ...ran, asked: fake.asked }
}

test('all is well with credentials that are taken in the region that is configured', async () => {
  const { exit, of, asked, stdout } = await examineAgainst({ body: { region: 'us' }, headers: { date: NOW } })
  assert.equal(exit, 0)
  for (const name of [
    'node',
    'configuration',
    'credentials',
    'data directory',
    'fsync',
    'port',
    'upstream',
    'region and key',
    'clock',
  ])
    assert.equal(of(name)?.state, 'ok', name)
  assert.equal(asked[0]?.authorization, `Basic ${Buffer.from('site:hunter2hunter2').toString('base64')}`)
  assert.doesNotMatch(stdout, /hunter2hunter2/)
})

test('what warns or was left out is not called well', async () => {
  const { exit, stderr, of } = await examine({})
  assert.equal(exit, 0)
  assert.deepEqual([of('credentials')?.state, of('upstream')?.state], ['warn', 'skipped'])
  assert.match(stderr, /^\d+ of \d+ checks are well, \d+ warns?, 1 was skipped\.$/m)
})

test('a workspace of the other region is told with the setting that mends it', async () => {
  const { exit, of } = await examineAgainst({ body: { region: 'eu' }, headers: { date: NOW } })
  assert.equal(exit, 5)
  assert.equal(of('region and key')?.fix, 'Set CUSTOMERIO_REGION=eu.')
})

test('refused credentials are exit code 3', async () => {
  const { exit, of } = await examineAgainst({ status: 401, headers: { date: NOW } })
  assert.equal(exit, 3)
  assert.match(of('region and key')?.found ?? '', /refuses the credentials/)
})

test('a redirect is not followed, and an answer of something else is told', async () => {
  const { exit, of, asked } = await examineAgainst({
    status: 301,
    headers: { location: 'http://127.0.0.1:1/', date: NOW },
  })
  assert.equal(exit, 7)
  assert.equal(asked.length, 1)
  assert.match(of('region and key')?.found ?? '', /301/)
})

test('a clock that is off is told', async () => {
  const { of } = await examineAgainst({ body: {}, headers: { date: 'Tue, 24 Nov 2026 12:05:00 GMT' } })
  assert.deepEqual([of('clock')?.state, of('clock')?.found], ['fail', '300.0 s behind Customer.io'])
})

test('nobody at the address is exit code 7, with the reason', async () => {
  const { exit, of } = await examine({ ...CREDENTIALS, CUSTOMERIO_TRACK_URL: DEAD_URL })
  assert.equal(exit, 7)
  assert.match(of('upstream')?.found ?? '', /does not answer: .*ECONNREFUSED/)
})

test('--offline asks nobody, and without credentials there is nothing to ask with', async () => {
  await using fake = await fakeSluice({})
  const offline = await examine({ ...CREDENTIALS, CUSTOMERIO_TRACK_URL: fake.url }, '--offline')
  assert.deepEqual([offline.exit, fake.asked.length, offline.of('upstream')?.state], [0, 0, 'skipped'])
  const bare = await examine({ CUSTOMERIO_TRACK_URL: fake.url })
  assert.deepEqual([bare.exit, fake.asked.length, bare.of('credentials')?.state], [0, 0, 'warn'])
  const production = await examine({ SLUICE_ENV: 'production' })
  assert.deepEqual([production.exit, production.of('credentials')?.state], [2, 'fail'])
})

test('a wrong configuration is told, and ends the examination', async () => {
  const { exit, of } = await examine({ CUSTOMERIO_REGION: 'uk' })
  assert.equal(exit, 2)
  assert.match(of('configuration')?.found ?? '', /customerio.region must be us or eu/)
  assert.equal(of('port'), undefined)
  const misspelt = await examine({ SLUICE_PROT: '1' })
  assert.equal(misspelt.of('configuration')?.fix, 'Did you mean SLUICE_PORT?')
})

test('a data directory that cannot be one is told', async () => {
  const cwd = mkdtempSync(join(tmpdir(), 'sluice-'))
  try {
    writeFileSync(join(cwd, 'file'), '')
    const { exit, of } = await examine({ SLUICE_DATA_DIR: join(cwd, 'file') })
    assert.equal(exit, 1)
    assert.equal(of('data directory')?.state, 'fail')
  } finally {
    rmSync(cwd, { recursive: true })
  }
})

test('a port that a Sluice holds is fine, and one that something else holds is not', async () => {
  const held = async (replies: Readonly<Record<string, Reply>>) => {
    await using fake = await fakeSluice(replies)
    const { exit, of } = await examine({ SLUICE_PORT: new URL(fake.url).port })
    return [exit, of('port')?.state]
  }
  assert.deepEqual(await held({ 'GET /livez': {} }), [0, 'ok'])
  assert.deepEqual(await held({}), [9, 'fail'])
})

test('an address that nobody can listen on is no port that something else holds', async () => {
  const { exit, of } = await examine({ SLUICE_HOST: '192.0.2.1', SLUICE_PORT: '8246' })
  assert.deepEqual([exit, of('port')?.state], [2, 'fail'])
  assert.match(of('port')?.found ?? '', /cannot listen on 192\.0\.2\.1:8246/)
})

test('an old Node is told', () => {
  assert.equal(checkNode('22.12.0').state, 'fail')
  assert.equal(checkNode('24.0.0').state, 'ok')
})

test('a probe says nothing when all is well', async () => {
  await using fake = await fakeSluice({ 'GET /readyz': {}, 'GET /livez': { status: 503 } })
  const env = { SLUICE_URL: fake.url }
  assert.deepEqual(await new Terminal({ env }).run('doctor', '--probe', 'ready'), {
    exit: 0,
    stdout: '',
    stderr: '',
  })
  assert.equal((await new Terminal({ env }).run('doctor', '--probe', 'live')).exit, 7)
})
