/**
 * The official Python and Go clients, unmodified, with only the address changed, through a whole gateway. `npm run clients`
 * installs them; where they are missing the tests say so, and with SLUICE_REQUIRE_ALL they fail.
 */
import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { request as forward } from 'node:http'
import { createServer } from 'node:https'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { GO, GO_DIRECTORY, PYTHON } from '../../scripts/clients.ts'
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
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...subject], { stdio: 'ignore' })
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

test('the official Python client', async (t) => {
  if (!has(t, PYTHON, 'Python client')) return
  const { gateway, emulator, drained } = await stand()
  const { port, cert } = await secure(gateway.url)
  const env = { ...process.env, REQUESTS_CA_BUNDLE: cert, CURL_CA_BUNDLE: cert }
  await run(PYTHON, [join(import.meta.dirname, 'python/track.py'), String(port)], { env })
  await drained()
  const person = emulator.person('id:py/1 +')
  assert.deepEqual(
    [person?.email, person?.attributes.plan, person?.attributes.city],
    ['py@example.com', 'pro', 'Paris'],
  )
  assert.deepEqual(
    person?.devices.map(({ id }) => id),
    ['token-py'],
  )
  const names = emulator.events({ person: 'id:py/1 +' }).map(({ name }) => name)
  assert.deepEqual(names.sort(), ['/pricing', 'long ago', 'order'])
  assert.ok(
    emulator.requests().some(({ body }) => /"big": ?12345678901234567890/.test(String(body))),
    'to the digit',
  )
  for (const gone of ['id:py-second', 'id:py-gone', 'id:py-blocked'])
    assert.equal(emulator.person(gone), undefined, gone)
  assert.deepEqual(emulator.person('id:py-freed')?.attributes, { b: 2 })
  assert.equal(emulator.person('id:py-v2')?.attributes.n, 1)
  assert.equal((await gateway.conservation()).dead, 0)
})

test('the official Python client of the Pipelines API, gzipped', async (t) => {
  if (!has(t, PYTHON, 'Python client')) return
  const { gateway, emulator, drained } = await stand()
  await run(PYTHON, [join(import.meta.dirname, 'python/analytics.py'), gateway.url])
  await drained()
  assert.equal(emulator.person('id:cdp-1')?.email, 'cdp@example.com')
  assert.ok(
    emulator.events({ person: 'id:cdp-1' }).some(({ name, data }) => name === 'order' && data.total === 19.9),
  )
  assert.equal((await gateway.conservation()).dead, 0)
})

test('the official Go client', async (t) => {
  if (!has(t, GO, 'Go client')) return
  const { gateway, emulator, drained } = await stand()
  await run(GO, [gateway.url], { cwd: GO_DIRECTORY })
  await drained()
  const person = emulator.person('id:go/1 +')
  assert.deepEqual(
    [person?.email, person?.attributes.plan, person?.attributes.city],
    ['go@example.com', 'pro', 'Paris'],
  )
  assert.deepEqual(
    person?.devices.map(({ id }) => id),
    ['token-go'],
  )
  assert.equal(emulator.person('id:go-gone'), undefined)
  assert.equal((await gateway.conservation()).dead, 0)
})
