/** `sluice verify` as a command; what the proofs themselves find is for the runs of `npm run proof`. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { promiseLines, resultDocument } from '../../src/cli/verify-table.ts'
import { PROMISE_IDS } from '../../src/verify/promises.ts'
import { PROOFS } from '../../src/verify/proofs.ts'
import { sluice } from './terminal.ts'

const plain = (_: string, text: string) => text
const mode = { control: false, seed: 7, scale: 'quick' } as const

test('an unknown proof is wrong usage, and the nearest is named', async () => {
  const { exit, stderr, stdout } = await sluice('verify', '--only', 'L44')
  assert.deepEqual([exit, stdout], [2, ''])
  assert.match(stderr, /There is no proof L44[\s\S]*Did you mean L4\?/)
})

test('--quick and --full exclude each other', async () => {
  assert.equal((await sluice('verify', '--quick', '--full')).exit, 2)
})

test('the table has every promise, with fault model, figures, seed and duration of each proof', () => {
  const proof = PROOFS.find(({ id }) => id === 'L4') ?? assert.fail('no L4')
  const finding = { held: false, figures: { batches: 1234 }, detail: 'one thing\nanother' }
  const results = [{ proof, verdict: 'failed', finding, durationMs: 61_000 }] as const
  const lines = promiseLines(results, mode, plain)
  for (const id of PROMISE_IDS) assert.ok(lines.some((line) => line.startsWith(`${id} `)))
  const text = lines.join('\n')
  assert.match(text, /✖ L4 .*\n +fault +one poison/)
  assert.match(text, /failed +batches 1,234 · seed 7 · 1 m 1 s\n +one thing\n +another\n/)
  assert.match(text, /P1 .*\n +- no proof of it was run/)
})

test('a result as JSON keeps its figures as numbers, and says in words what was left out', () => {
  const proof = PROOFS[0] ?? assert.fail('no proofs')
  const finding = { held: true, figures: { kills: 40 }, leftOut: 'no compiler' }
  const document = resultDocument({ proof, verdict: 'left_out', finding, durationMs: 1234 }, mode)
  assert.deepEqual(
    [document.verdict, document.figures, document.left_out, document.duration_s],
    ['left_out', { kills: 40 }, 'no compiler', 1.2],
  )
})
