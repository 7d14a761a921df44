/**
 * `sluice dev` killed with SIGKILL under load and started again. What was acknowledged must take effect, once: the
 * emulator keeps its own journal, so what it had done is known after the kill as well.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { after, test } from 'node:test'
import { seeded, seedFor } from '../flow/seeded.ts'
import { temporary } from '../flow/stand.ts'

const CYCLES = Number(process.env.KILL_CYCLES ?? 20)
const SENDERS = 8
const EXECUTABLE = resolve(import.meta.dirname, '../../bin/sluice.js')

interface Running {
  readonly child: ChildProcess
  readonly url: string
  readonly emulatorUrl: string
}

async function startDev(directory: string): Promise<Running> {
  const args = [EXECUTABLE, 'dev', '--json', '--data-dir', directory, '--port', '0', '--emulator-port', '0']
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] })
  after(() => child.kill('SIGKILL'))
  for await (const line of createInterface({ input: child.stdout })) {
    const { event, url, emulator_url } = JSON.parse(line)
    if (event === 'ready') {
      child.stdout.resume()
      return { child, url, emulatorUrl: emulator_url }
    }
  }
  throw new Error('sluice dev ended before it was ready')
}

/** Sends events until the process is gone. Returns the ids that were answered 200. */
async function send({ url }: Running, sender: number, ids: () => string): Promise<string[]> {
  const acknowledged: string[] = []
  try {
    for (;;) {
      const batch = Array.from({ length: 5 }, (_, n) => ({
        type: 'person',
        identifiers: { id: `s${sender}p${n}` },
        action: 'event',
        name: 'tick',
        id: ids(),
      }))
      const answer = await fetch(`${url}/api/v2/batch`, {
        method: 'POST',
        headers: { authorization: `Basic ${btoa('dev:dev')}` },
        body: JSON.stringify({ batch }),
      })
      if (answer.status === 200) acknowledged.push(...batch.map(({ id }) => id))
      await answer.body?.cancel()
    }
  } catch {
    return acknowledged // the connection broke: the process is dead
  }
}

test(`killed ${CYCLES} times under load: 0 acknowledged lost, 0 twice`, async (t) => {
  const random = seeded(seedFor('kill'))
  const directory = temporary()
  let serial = 0
  const ids = () => {
    serial += 1
    return `01K${String(serial).padStart(23, '0')}`
  }
  const acknowledged: string[] = []
  for (let cycle = 0; cycle < CYCLES; cycle += 1) {
    const running = await startDev(directory)
    const sending = Array.from({ length: SENDERS }, (_, sender) => send(running, sender, ids))
    await new Promise((resume) => setTimeout(resume, 50 + random() * 400)) // the moment of the kill is the input
    running.child.kill('SIGKILL')
    await once(running.child, 'exit')
    for (const done of await Promise.all(sending)) acknowledged.push(...done)
  }
  const last = await startDev(directory)
  await drained(last)
  const arrived = await appliedIds(last)
  last.child.kill('SIGTERM')
  await once(last.child, 'exit')
  t.diagnostic(`${acknowledged.length} acknowledged, ${arrived.length} took effect`)
  const effects = new Set(arrived)
  assert.equal(arrived.length, effects.size, 'none twice')
  assert.deepEqual(
    acknowledged.filter((id) => !effects.has(id)),
    [],
    'none lost',
  )
  assert.ok(acknowledged.length > CYCLES * 10, 'there was load')
})

async function drained({ url, emulatorUrl }: Running): Promise<void> {
  for (;;) {
    const answer = await fetch(`${url}/admin/v1/status`, { headers: { authorization: 'Bearer dev' } })
    const { conservation } = (await answer.json()) as { conservation: { pending: number; missing: number } }
    assert.equal(conservation.missing, 0)
    if (conservation.pending === 0) break
  }
  await fetch(`${emulatorUrl}/_emulator/settle`, { method: 'POST' })
}

async function appliedIds({ emulatorUrl }: Running): Promise<string[]> {
  const ids: string[] = []
  for (let after = 0; ; ) {
    const answer = await fetch(`${emulatorUrl}/_emulator/events?limit=10000&after=${after}`)
    const { data } = (await answer.json()) as { data: { seq: number; id: string }[] }
    if (data.length === 0) return ids
    ids.push(...data.map(({ id }) => id))
    after = data.at(-1)?.seq ?? after
  }
}
