/** What was answered before a kill is there after it: the emulator in a process of its own, ended with SIGKILL. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeUlids } from '../core/ulid.ts'
import { startEmulator } from './emulator.ts'

const MODULE = JSON.stringify(new URL('./emulator.ts', import.meta.url).href)

async function startProcess(directory: string): Promise<{ child: ChildProcess; url: string }> {
  const program = `
    import { startEmulator } from ${MODULE}
    const { url } = await startEmulator({ port: 0, directory: ${JSON.stringify(directory)}, settleMs: 5 })
    process.send(url)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const [url] = await once(child, 'message')
  return { child, url: String(url) }
}

const authorization = `Basic ${Buffer.from('dev:dev').toString('base64')}`

/** True when it was answered. */
async function post(url: string, ids: readonly string[]): Promise<boolean> {
  const batch = ids.map((id) => ({
    type: 'person',
    action: 'event',
    identifiers: { id: `p${id.slice(-1)}` },
    name: 'x',
    id,
    attributes: { pad: 'x'.repeat(200) },
  }))
  try {
    const body = JSON.stringify({ batch })
    return (await fetch(`${url}/api/v2/batch`, { method: 'POST', headers: { authorization }, body })).ok
  } catch {
    return false
  }
}

test('a process that is killed loses nothing that it answered', { timeout: 30_000 }, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'emulator-'))
  const ulid = makeUlids()
  const answered: string[] = []
  const unanswered: string[] = []
  for (let round = 1; round <= 3; round += 1) {
    const { child, url } = await startProcess(directory)
    let isUp = true
    const client = async () => {
      while (isUp) {
        const ids = Array.from({ length: 20 }, () => ulid(Date.now()))
        const isAnswered = await post(url, ids)
        const into = isAnswered ? answered : unanswered
        into.push(...ids)
        if (isAnswered && answered.length > 800 * round) child.kill('SIGKILL')
        if (!isAnswered) isUp = false
      }
    }
    const [, [, signal]] = await Promise.all([
      Promise.all([client(), client(), client()]),
      once(child, 'exit'),
    ])
    assert.equal(signal, 'SIGKILL')
  }
  await using emulator = await startEmulator({ port: 0, directory })
  const kept = emulator.events().map(({ id }) => String(id))
  const keptOnce = new Set(kept)
  assert.equal(keptOnce.size, kept.length)
  assert.deepEqual(
    answered.filter((id) => !keptOnce.has(id)),
    [],
  )
  for (const ids of [answered, unanswered])
    for (let from = 0; from < ids.length; from += 100)
      assert.equal(await post(emulator.url, ids.slice(from, from + 100)), true)
  emulator.settle()
  assert.equal(emulator.stats().events, answered.length + unanswered.length)
  rmSync(directory, { recursive: true })
})
