/**
 * The real program, as a child process: streams, exit codes, colour, signals. What a command says is tried in one process, with
 * contract.test.ts and commands.test.ts.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { fakeSluice } from './fake-sluice.ts'

const PROGRAM = fileURLToPath(new URL('../../bin/sluice.js', import.meta.url))

const ESCAPE = String.fromCharCode(27)

interface Given {
  readonly env?: Record<string, string>
  readonly cwd?: string
  readonly stdin?: string
  /** How many descriptors it may have. */
  readonly descriptors?: number
}

const start = (words: readonly string[], { env = {}, cwd = tmpdir(), descriptors }: Given = {}) => {
  const limit = descriptors === undefined ? '' : `ulimit -n ${descriptors} && `
  const command = [`${limit}exec "$0" "$@"`, process.execPath, PROGRAM, ...words]
  return spawn('sh', ['-c', ...command], { cwd, env: { PATH: process.env.PATH, ...env } })
}

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

test('what a command finds goes to stdout with exit code 0, and is not coloured in a pipe', async () => {
  const { exit, stdout, stderr } = await sluice(['explain', 'timed_out'])
  assert.deepEqual([exit, stderr], [0, ''])
  assert.match(stdout, /^timed_out {2}HTTP 504, exit code 124\n/)
  assert.ok(!stdout.includes(ESCAPE))
})

test('a failure goes to stderr alone, with its exit code, and is coloured when the environment says so', async () => {
  const { exit, stdout, stderr } = await sluice(['explian'], { env: { FORCE_COLOR: '1' } })
  assert.deepEqual([exit, stdout], [2, ''])
  assert.match(stderr, /Did you mean explain\?/)
  assert.ok(stderr.includes(ESCAPE))
})

test('settings come from the environment and the directory that the process has', async (t) => {
  const cwd = mkdtempSync(join(tmpdir(), 'sluice-'))
  t.after(() => rmSync(cwd, { recursive: true }))
  writeFileSync(join(cwd, 'sluice.yaml'), 'customerio:\n  region: eu\n')
  const { stdout } = await sluice(['config', 'show', '--json'], { cwd, env: { SLUICE_PORT: '9000' } })
  const { data } = JSON.parse(stdout)
  const of = (name: string) => data.find((setting: { name: string }) => setting.name === name)
  assert.deepEqual([of('customerio.region').origin, of('port').origin], ['sluice.yaml:2', 'SLUICE_PORT'])
})

test('a start with too few descriptors names what is short', async () => {
  for (const descriptors of [34, 44]) {
    const words = ['dev', '--ephemeral', '--port', '0', '--emulator-port', '0', '--json']
    const { exit, stdout, stderr } = await sluice(words, { descriptors })
    const { code, hint } = JSON.parse(stderr)
    assert.deepEqual([exit, stdout, code], [7, '', 'too_many_files'])
    assert.match(hint, /ulimit -n/)
  }
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

/** What the process of a gateway was started with, and how it ended, once it listened. */
async function served(
  start: (cwd: string, env: NodeJS.ProcessEnv) => ChildProcess,
): Promise<readonly unknown[]> {
  const cwd = mkdtempSync(join(tmpdir(), 'sluice-'))
  const keys = { CUSTOMERIO_SITE_ID: 's', CUSTOMERIO_API_KEY: 'k', SLUICE_SHUTDOWN_NOTICE: '0' }
  const child = start(cwd, { PATH: process.env.PATH, CUSTOMERIO_TRACK_URL: 'http://127.0.0.1:9', ...keys })
  const ended = once(child, 'exit')
  await Promise.race([once(child.stdout ?? child, 'data'), ended])
  const said = ['cmdline', 'environ'].flatMap((name) =>
    readFileSync(`/proc/${child.pid}/${name}`, 'utf8').split('\0'),
  )
  child.kill('SIGTERM')
  const [exit] = await ended
  rmSync(cwd, { recursive: true })
  return [said.filter((word) => /^(--max-semi-space-size|MALLOC_ARENA_MAX)=/.test(word)), exit]
}

const SERVE = ['serve', '--port', '0', '--json']

test('a gateway begins anew with less room for what is young, once, and not under a parent that speaks with it', {
  skip: process.platform === 'linux' ? false : 'looks at /proc',
}, async () => {
  const spawned = (words: readonly string[]) => (cwd: string, env: NodeJS.ProcessEnv) =>
    spawn(process.execPath, [...words, PROGRAM, ...SERVE], { cwd, env, stdio: ['ignore', 'pipe', 'ignore'] })
  const forked = (cwd: string, env: NodeJS.ProcessEnv) =>
    fork(PROGRAM, SERVE, { cwd, env, stdio: ['ignore', 'pipe', 'ignore', 'ipc'] })
  assert.deepEqual(await served(spawned([])), [['--max-semi-space-size=16', 'MALLOC_ARENA_MAX=2'], 0])
  assert.deepEqual(await served(spawned(['--max-semi-space-size=8'])), [['--max-semi-space-size=8'], 0])
  assert.deepEqual(await served(forked), [[], 0])
})

/** Where nothing can be written: a disk that is full, and a pipe that nobody reads. */
const UNWRITABLE: Readonly<Record<string, () => number | 'pipe'>> = {
  'on a full disk': () => openSync('/dev/full', 'w'),
  'to a reader that is gone': () => 'pipe',
}

for (const [where, open] of Object.entries(UNWRITABLE))
  test(`a gateway whose log goes ${where} takes operations all the same`, async (t) => {
    const cwd = mkdtempSync(join(tmpdir(), 'sluice-'))
    t.after(() => rmSync(cwd, { recursive: true }))
    const keys = { CUSTOMERIO_SITE_ID: 's', CUSTOMERIO_API_KEY: 'k', SLUICE_SHUTDOWN_NOTICE: '0' }
    const env = { PATH: process.env.PATH, CUSTOMERIO_TRACK_URL: 'http://127.0.0.1:9', ...keys }
    const stderr = open()
    const child = spawn(process.execPath, [PROGRAM, 'serve', '--port', '0', '--json'], {
      ...{ cwd, env },
      stdio: ['ignore', 'pipe', stderr],
    })
    child.stderr?.destroy()
    if (typeof stderr === 'number') closeSync(stderr)
    const ended = once(child, 'close')
    const [ready] = await Promise.race([once(child.stdout ?? child, 'data'), ended])
    const { url } = JSON.parse(String(ready))
    const call = (password: string) =>
      fetch(`${url}/api/v1/customers/1`, {
        method: 'PUT',
        headers: { authorization: `Basic ${btoa(`s:${password}`)}` },
        body: '{"plan":"pro"}',
      })
    assert.equal((await call('wrong')).status, 401) // which is told, or would be
    assert.equal((await call('k')).status, 200)
    child.kill('SIGTERM')
    assert.deepEqual(await ended, [0, null])
  })
