/** `sluice dev` and `sluice serve` as real processes, with the commands that a newcomer gives next. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { fakeSluice } from './fake-sluice.ts'
import { sluiceWith, Terminal } from './terminal.ts'

const PROGRAM = fileURLToPath(new URL('../../bin/sluice.js', import.meta.url))
const cwd = mkdtempSync(join(tmpdir(), 'sluice-'))
const children: ChildProcess[] = []

after(() => {
  for (const child of children) child.kill('SIGKILL')
  rmSync(cwd, { recursive: true, force: true })
})

function start(words: readonly string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [PROGRAM, ...words], { cwd, env: { PATH: process.env.PATH, ...env } })
  children.push(child)
  const told = { stderr: '' }
  child.stderr.on('data', (chunk) => {
    told.stderr += String(chunk)
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async () => JSON.parse((await lines.next()).value ?? assert.fail(told.stderr))
  /** Resolves once something that matches was written to stderr: another pipe than that of `next`, and none before the other. */
  const said = async (pattern: RegExp) => {
    while (!pattern.test(told.stderr)) await once(child.stderr, 'data')
  }
  const stop = async (signal: 'SIGINT' | 'SIGTERM') => {
    child.kill(signal)
    const [exit] = await once(child, 'exit')
    return exit
  }
  return { child, told, next, said, stop }
}

test('dev opens everything at free ports, shows what happens, and leaves nothing behind', async () => {
  const dev = start(['dev', '--ephemeral', '--port', '0', '--emulator-port', '0', '--json'], {
    CUSTOMERIO_SITE_ID: 'own',
    CUSTOMERIO_API_KEY: 'own-key',
    CUSTOMERIO_TRACK_URL: 'https://track.customer.io',
  })
  const ready = await dev.next()
  assert.equal(ready.event, 'ready')
  const env = { SLUICE_URL: ready.url, SLUICE_EMULATOR_URL: ready.emulator_url }

  const welcome = await new Terminal({ env }).run('trigger', 'welcome', '--json')
  assert.equal(welcome.exit, 0, welcome.stderr)
  const { last_operation } = JSON.parse(welcome.stdout)
  let ended = await dev.next()
  while (ended.id !== last_operation || ended.what !== 'ended') ended = await dev.next()
  assert.equal(ended.outcome, 'delivered')

  const own = { ...env, CUSTOMERIO_SITE_ID: 'own', CUSTOMERIO_API_KEY: 'own-key' }
  const sent = await new Terminal({ env: own }).run('send', 'identify', '42', '--wait')
  assert.equal(sent.exit, 0, sent.stderr)
  const status = await new Terminal({ env }).run('status', '--json')
  const { conservation, upstream } = JSON.parse(status.stdout)
  assert.deepEqual([conservation.accepted, conservation.missing], [4, 0])
  assert.equal(upstream.url, ready.emulator_url)

  assert.equal(await dev.stop('SIGTERM'), 0, dev.told.stderr)
  assert.equal(existsSync(ready.data_dir), false)
  assert.equal(existsSync(join(cwd, '.sluice')), false)
})

test('dev takes the next port when its own is taken, and with --strict-port it does not', async () => {
  await using taken = await fakeSluice({})
  const { port } = new URL(taken.url)
  const words = ['dev', '--ephemeral', '--port', port, '--emulator-port', '0', '--json']
  const dev = start(words)
  const ready = await dev.next()
  assert.ok(Number(new URL(ready.url).port) > Number(port))
  await dev.said(new RegExp(`Port ${port} is taken; using `))
  assert.equal(await dev.stop('SIGINT'), 0)
  const strict = await sluiceWith({ cwd }, ...words, '--strict-port')
  assert.deepEqual([strict.exit, JSON.parse(strict.stderr).code], [9, 'port_in_use'])
})

test('an address that is not of this machine is told at once, and not taken for twenty ports that are taken', async () => {
  const { exit, stderr } = await sluiceWith(
    { cwd },
    'dev',
    '--ephemeral',
    '--emulator-port',
    '0',
    '--host',
    '192.0.2.1',
    '--json',
  )
  assert.deepEqual([exit, JSON.parse(stderr).code], [2, 'bad_config'])
})

test('dev never joins a Kafka that is elsewhere, whose topics it would deliver to the emulator', async () => {
  const yaml = join(cwd, 'cluster.yaml')
  writeFileSync(yaml, 'bus: kafka\nkafka:\n  brokers: [127.0.0.1:9, kafka.invalid:9092]\n')
  const words = ['dev', '--ephemeral', '--port', '0', '--emulator-port', '0', '--config', yaml, '--json']
  const { exit, stderr } = await sluiceWith({ cwd }, ...words)
  const { code, message } = JSON.parse(stderr)
  assert.deepEqual([exit, code], [2, 'bad_config'])
  assert.match(message, /kafka\.invalid:9092 is another one/)
})

test('dev and serve never deliver what waits in the directory of the other', async () => {
  const [made, real] = [join(cwd, 'made-up'), join(cwd, 'real')]
  mkdirSync(join(made, 'emulator'), { recursive: true })
  mkdirSync(real)
  writeFileSync(join(real, 'ledger.db'), '')
  const env = { CUSTOMERIO_SITE_ID: 's', CUSTOMERIO_API_KEY: 'k' }
  const serve = await sluiceWith({ cwd, env }, 'serve', '--port', '0', '--data-dir', made, '--json')
  assert.equal(serve.exit, 9)
  assert.match(serve.stderr, /holds what \\"sluice dev\\" was told, and this gateway delivers to https:/)
  const dev = await sluiceWith(
    { cwd },
    'dev',
    '--port',
    '0',
    '--emulator-port',
    '0',
    '--data-dir',
    real,
    '--json',
  )
  assert.equal(dev.exit, 9)
  assert.match(dev.stderr, /would deliver what waits in it to the emulator/)
  assert.equal(existsSync(join(real, 'emulator')), false)
})

test('serve needs credentials, keeps its data directory to itself, and exits with 0 when it is stopped', async () => {
  const bare = await sluiceWith({ cwd }, 'serve', '--port', '0', '--json')
  assert.equal(bare.exit, 2)
  assert.match(bare.stderr, /CUSTOMERIO_SITE_ID is not set/)

  const env = {
    CUSTOMERIO_SITE_ID: 'dev',
    CUSTOMERIO_API_KEY: 'dev',
    CUSTOMERIO_TRACK_URL: 'http://127.0.0.1:9',
    SLUICE_LOG_LEVEL: 'silent',
  }
  const words = ['serve', '--port', '0', '--data-dir', join(cwd, 'data'), '--json']
  const first = start(words, env)
  const { url, upstream_url } = await first.next()
  assert.equal(upstream_url, 'http://127.0.0.1:9')
  const probe = await new Terminal({ env: { SLUICE_URL: url } }).run('doctor', '--probe', 'ready')
  assert.deepEqual(probe, { exit: 0, stdout: '', stderr: '' })
  const refused = await new Terminal({ env: { SLUICE_URL: url } }).run('status', '--json')
  assert.equal(refused.exit, 3, 'without a token nobody may look')

  const second = start(words, env)
  assert.equal((await once(second.child, 'close'))[0], 9)
  assert.match(second.told.stderr, /"code":"data_dir_in_use"/)
  assert.equal(await first.stop('SIGTERM'), 0, first.told.stderr)
})
