/** The real program, as a child process: streams, exit codes, colour. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ERRORS } from '../../src/core/errors.ts'
import { deadUrl, fakeSluice } from './fake-sluice.ts'

const PROGRAM = fileURLToPath(new URL('../../bin/sluice.js', import.meta.url))

interface Given {
  readonly env?: Record<string, string>
  readonly cwd?: string
  readonly stdin?: string
}

const start = (words: readonly string[], { env = {}, cwd = tmpdir() }: Given = {}) =>
  spawn(process.execPath, [PROGRAM, ...words], { cwd, env: { PATH: process.env.PATH, ...env } })

async function sluice(words: readonly string[], given: Given = {}) {
  const child = start(words, given)
  child.stdin.end(given.stdin ?? '')
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk) => {
    stdout += String(chunk)
  })
  child.stderr.on('data', (chunk) => {
    stderr += String(chunk)
  })
  const [exit] = await once(child, 'close')
  return { exit, stdout, stderr }
}

test('explain tells one code on stdout, and all of them as a table or as JSON', async () => {
  const one = await sluice(['explain', 'timed_out'])
  assert.deepEqual([one.exit, one.stderr], [0, ''])
  assert.match(one.stdout, /^timed_out {2}HTTP 504, exit code 124\n/)
  const all = await sluice(['explain', '--json'])
  const { data, next_cursor } = JSON.parse(all.stdout)
  assert.deepEqual(
    data.map(({ code }: { code: string }) => code),
    Object.keys(ERRORS),
  )
  assert.equal(next_cursor, null)
})

test('wrong usage is exit code 2, with what was meant, on stderr alone', async () => {
  const cases: readonly [string[], RegExp][] = [
    [['explian'], /Did you mean explain\?/],
    [['status', '--watc'], /Did you mean --watch\?/],
    [['trace'], /Missing required argument 'id'/],
    [['send', 'idnetify'], /Did you mean identify\?/],
    [['dlq', 'list', '--state', 'gone'], /Allowed choices are waiting, replaying, dropped/],
    [['explain', 'a', 'b'], /Too many arguments/],
    [['tail', '--limit', 'many'], /--limit must be a whole number from 1; you gave "many"/],
    [['status', '--timeout', 'soon'], /--timeout must be a duration/],
  ]
  for (const [words, message] of cases) {
    const { exit, stdout, stderr } = await sluice(words)
    assert.deepEqual([exit, stdout], [2, ''], words.join(' '))
    assert.match(stderr, message)
    assert.match(stderr, /^error {2}.* {2}bad_usage\n {2}fix /)
  }
})

test('with --json a failure is one document on stderr', async () => {
  const { exit, stdout, stderr } = await sluice(['explain', 'timed_otu', '--json'])
  assert.deepEqual([exit, stdout], [6, ''])
  assert.deepEqual(JSON.parse(stderr), {
    error: true,
    code: 'not_found',
    message: 'There is no code timed_otu.',
    details: {},
    hint: 'Did you mean timed_out?',
    retryable: false,
  })
})

test('no gateway is exit code 7, and says where none was found and why', async () => {
  const { exit, stderr } = await sluice(['status', '--url', await deadUrl()])
  assert.equal(exit, 7)
  assert.match(stderr, /No Sluice answers at http:\/\/127\.0\.0\.1:\d+\./)
  assert.match(stderr, /why .*ECONNREFUSED.*\n {2}fix /)
})

test('config show tells every setting, where it came from, and no secret', async () => {
  const cwd = mkdtempSync(join(tmpdir(), 'sluice-'))
  try {
    writeFileSync(join(cwd, 'sluice.yaml'), 'customerio:\n  region: eu\n')
    const env = { SLUICE_PORT: '9000', CUSTOMERIO_API_KEY: 'hunter2hunter2', CUSTOMERIO_SITE_ID: 'site' }
    const { stdout, stderr, exit } = await sluice(['config', 'show', '--json', '--host', '::1'], { cwd, env })
    assert.deepEqual([exit, stderr], [0, ''])
    const { data } = JSON.parse(stdout)
    const of = (name: string) => data.find((setting: { name: string }) => setting.name === name)
    assert.deepEqual([of('customerio.region').value, of('customerio.region').origin], ['eu', 'sluice.yaml:2'])
    assert.deepEqual([of('port').value, of('port').origin], ['9000', 'SLUICE_PORT'])
    assert.deepEqual([of('host').value, of('host').origin], ['::1', '--host'])
    assert.equal(of('customerio.api_key').value, 'hu…r2')
    assert.doesNotMatch(stdout, /hunter2hunter2/)
  } finally {
    rmSync(cwd, { recursive: true })
  }
})

test('a wrong setting is exit code 2 and names where it stands', async () => {
  const { exit, stderr } = await sluice(['config', 'show'], { env: { SLUICE_PORT: 'http' } })
  assert.equal(exit, 2)
  assert.match(stderr, /port must be a port .*; SLUICE_PORT says "http"\. {2}bad_config/)
})

test('a variable that is misspelt is told on stderr', async () => {
  const { stderr } = await sluice(['config', 'show'], { env: { SLUICE_PROT: '1' } })
  assert.match(stderr, /SLUICE_PROT is no setting of Sluice\. Did you mean SLUICE_PORT\?/)
})

const ESCAPE = String.fromCharCode(27)

test('colour is off in a pipe, on with FORCE_COLOR, off with NO_COLOR, and --color goes before both', async () => {
  const coloured = async (env: Record<string, string>, ...words: string[]) =>
    (await sluice(['explain', 'timed_out', ...words], { env })).stdout.includes(ESCAPE)
  assert.equal(await coloured({}), false)
  assert.equal(await coloured({ FORCE_COLOR: '1' }), true)
  assert.equal(await coloured({ FORCE_COLOR: '0' }), false)
  assert.equal(await coloured({ NO_COLOR: '1' }), false)
  assert.equal(await coloured({ NO_COLOR: '1' }, '--color', 'always'), true)
  assert.equal(await coloured({ FORCE_COLOR: '1' }, '--color', 'never'), false)
})

test('^C ends a command with 130 and SIGTERM with 143, without an error', async () => {
  await using fake = await fakeSluice({
    'GET /admin/v1/tail': (response) => {
      response.writeHead(200)
      response.write('\n{"at":1,"what":"accepted","id":"01J","key":"id:1","kind":"person.event"}\n')
    },
  })
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    const child = start(['tail', '--url', fake.url])
    let stderr = ''
    child.stderr.on('data', (chunk) => {
      stderr += String(chunk)
    })
    await once(child.stdout, 'data')
    child.kill(signal)
    assert.deepEqual([await once(child, 'close'), stderr], [[code, null], ''])
  }
})

test('a reader that goes away ends a stream quietly', async () => {
  await using fake = await fakeSluice({
    'GET /admin/v1/tail': (response) => {
      response.writeHead(200)
      const line = '{"at":1,"what":"accepted","id":"01J","key":"id:1","kind":"person.event"}\n'
      const more = (error?: Error | null) => !error && response.write(line.repeat(100), more)
      more()
    },
  })
  const child = start(['tail', '--url', fake.url])
  let stderr = ''
  child.stderr.on('data', (chunk) => {
    stderr += String(chunk)
  })
  await once(child.stdout, 'data')
  child.stdout.destroy()
  assert.deepEqual([await once(child, 'close'), stderr], [[0, null], ''])
})
