/**
 * The official clients, unmodified, with only the address changed, through a whole gateway and straight at the emulator.
 * `npm run clients` installs those in Python and Go; where they are missing the tests say so, and with SLUICE_REQUIRE_ALL they
 * fail. customerio-node has tests of its own in test/flow.
 */
import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { request as forward } from 'node:http'
import { createServer } from 'node:https'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { Analytics } from '@customerio/cdp-analytics-node'
import { GO, GO_DIRECTORY, PYTHON } from '../../scripts/clients.ts'
import { type Emulator, startEmulator } from '../../src/emulator/emulator.ts'
import { holdings } from '../flow/holdings.ts'
import { stand, temporary } from '../flow/stand.ts'

const run = promisify(execFile)

/** True when it is there; else says loudly what is left out. */
function has(t: TestContext, path: string, what: string): boolean {
  if (existsSync(path)) return true
  assert.ok(!process.env.SLUICE_REQUIRE_ALL, `${what} is not installed: npm run clients`)
  process.stderr.write(`LEFT OUT: the ${what} is not installed; "npm run clients" installs it.\n`)
  t.skip(`the ${what} is not installed`)
  return false
}

/** HTTPS in front of the gateway, with a certificate of its own: the Python client speaks nothing else. */
async function secure(url: string): Promise<{ port: number; cert: string }> {
  const directory = temporary()
  const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')]
  const subject = [
    '-subj',
    '/CN=sluice',
    '-addext',
    'subjectAltName=IP:127.0.0.1',
    '-days',
    '1',
    '-keyout',
    key,
    '-out',
    cert,
  ]
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', ...subject],
    { stdio: 'ignore' },
  )
  const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (incoming, outgoing) => {
    const { method, headers, url: path } = incoming
    const onward = forward(`${url}${path}`, { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(outgoing)
    })
    incoming.pipe(onward)
  })
  after(() => server.closeAllConnections())
  after(() => server.close())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return { cert, port: typeof address === 'object' && address !== null ? address.port : 0 }
}

/** A program says all it has to say to a gateway, and to another emulator itself. Both must then hold the same. */
async function sayToBoth(say: (url: string) => Promise<string>) {
  const { gateway, emulator, drained } = await stand()
  const straight = await startEmulator({ port: 0 })
  after(() => straight[Symbol.asyncDispose]())
  const [said, saidStraight] = await Promise.all([say(gateway.url), say(straight.url)])
  await drained()
  const figures = await gateway.conservation()
  assert.deepEqual([figures.dead, figures.missing], [0, 0])
  straight.settle()
  assert.deepEqual(await holdings(emulator), await holdings(straight))
  return { emulator, said, saidStraight }
}

const names = (emulator: Emulator, person: string) =>
  emulator
    .events({ person })
    .map(({ name }) => name)
    .sort()

const tokens = (emulator: Emulator, person: string) => emulator.person(person)?.devices.map(({ id }) => id)

test('the official Python client, against the gateway and the emulator', async (t) => {
  if (!has(t, PYTHON, 'Python client')) return
  const { emulator, said, saidStraight } = await sayToBoth(async (url) => {
    const { port, cert } = await secure(url)
    const env = { ...process.env, REQUESTS_CA_BUNDLE: cert, CURL_CA_BUNDLE: cert }
    const { stdout } = await run(PYTHON, [join(import.meta.dirname, 'python/track.py'), String(port)], {
      env,
    })
    return stdout
  })
  const person = emulator.person('id:py/1 +')
  assert.deepEqual(
    [person?.email, person?.attributes.plan, person?.attributes.city],
    ['py@example.com', 'pro', 'Paris'],
  )
  assert.deepEqual(tokens(emulator, 'id:py/1 +'), ['token-py'])
  assert.deepEqual(names(emulator, 'id:py/1 +'), ['/pricing', 'long ago', 'order'])
  assert.ok(
    emulator.requests().some(({ body }) => /"big": ?12345678901234567890/.test(String(body))),
    'to the digit',
  )
  for (const gone of ['id:py-second', 'id:py-gone', 'id:py-blocked'])
    assert.equal(emulator.person(gone), undefined, gone)
  assert.deepEqual(emulator.person('id:py-freed')?.attributes, { b: 2 })
  assert.equal(emulator.person('id:py-v2')?.attributes.n, 1)
  assert.match(said, /501.*not pass on transactional sends/)
  assert.match(saidStraight, /501.*Sending by email is not emulated/)
})

test('the official Python client of the Pipelines API, gzipped, against the gateway and the emulator', async (t) => {
  if (!has(t, PYTHON, 'Python client')) return
  const { emulator } = await sayToBoth(async (url) => {
    await run(PYTHON, [join(import.meta.dirname, 'python/analytics.py'), url])
    return ''
  })
  const person = emulator.person('id:cdp-1')
  assert.deepEqual([person?.email, person?.attributes.city], ['cdp@example.com', 'Paris'])
  assert.deepEqual(person?.relationships, [{ object_type_id: '1', object_id: 'acme', attributes: {} }])
  assert.deepEqual(names(emulator, 'id:cdp-1'), ['home', 'order', 'start'])
  for (const gone of ['id:cdp-second', 'id:cdp-gone']) assert.equal(emulator.person(gone), undefined, gone)
})

test('the official Go client, against the gateway and the emulator', async (t) => {
  if (!has(t, GO, 'Go client')) return
  const { emulator, said, saidStraight } = await sayToBoth(async (url) => {
    const { stdout } = await run(GO, [url], { cwd: GO_DIRECTORY })
    return stdout
  })
  const person = emulator.person('id:go/1 +')
  assert.deepEqual(
    [person?.email, person?.attributes.plan, person?.attributes.city],
    ['go@example.com', 'pro', 'Paris'],
  )
  assert.deepEqual(tokens(emulator, 'id:go/1 +'), ['token-go'])
  assert.deepEqual(names(emulator, 'id:go/1 +'), ['order'])
  assert.equal(emulator.person('id:go-gone'), undefined)
  assert.match(said, /TransactionalError: .*not pass on transactional sends/)
  assert.match(saidStraight, /TransactionalError: .*Sending by email is not emulated/)
})

test('the official Node client of the Pipelines API, against the gateway and the emulator', async () => {
  const { emulator } = await sayToBoth(async (host) => {
    const analytics = new Analytics({ writeKey: 'dev', host })
    const failed: unknown[] = []
    analytics.on('error', (error) => void failed.push(error))
    const who = { userId: 'node-1', anonymousId: 'anon-node' }
    analytics.track({ anonymousId: 'anon-node', event: 'visited' })
    analytics.identify({ ...who, traits: { email: 'node@example.com', createdAt: new Date(0) } })
    analytics.track({ ...who, event: 'order', properties: { total: 19.9 } })
    analytics.page({ ...who, name: 'home' })
    analytics.screen({ ...who, name: 'start' })
    analytics.group({ ...who, groupId: 'acme', traits: { name: 'Acme' } })
    analytics.identify({ userId: 'node-second', traits: { city: 'Paris' } })
    analytics.alias({ userId: 'node-1', previousId: 'node-second' })
    for (let n = 0; n < 40; n += 1) analytics.track({ userId: 'node-many', event: `n${n}` })
    await analytics.closeAndFlush()
    assert.deepEqual(failed, [])
    return ''
  })
  const person = emulator.person('id:node-1')
  assert.deepEqual(
    [person?.email, person?.attributes.created_at, person?.attributes.city],
    ['node@example.com', 0, 'Paris'],
  )
  assert.deepEqual(names(emulator, 'id:node-1'), ['home', 'order', 'start', 'visited'])
  assert.equal(person?.relationships.length, 1)
  assert.equal(names(emulator, 'id:node-many').length, 40)
  assert.equal(emulator.person('id:node-second'), undefined)
})
