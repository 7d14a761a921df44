import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { systemClock } from '../core/clock.ts'
import type { Finding, Proof, ProofContext } from './proof.ts'
import { PROOFS } from './proofs.ts'
import { type Plan, type Result, runProofs } from './runner.ts'

const proofThat = (run: (context: ProofContext) => Promise<Finding> | Finding): Proof => ({
  id: 'X1',
  promises: ['P1'],
  claim: 'It holds.',
  faultModel: 'none',
  control: 'it does not hold',
  run: async (context) => run(context),
})

async function resultsOf(proofs: readonly Proof[], more: Partial<Plan> = {}): Promise<Result[]> {
  const plan: Plan = {
    proofs,
    scale: 'quick',
    seed: 7,
    cases: undefined,
    control: false,
    clock: systemClock,
    signal: new AbortController().signal,
    onProgress: () => {},
    ...more,
  }
  return Array.fromAsync(runProofs(plan))
}

const verdicts = async (proof: Proof) =>
  Promise.all([false, true].map(async (control) => (await resultsOf([proof], { control }))[0]?.verdict))

test('plain, a proof passes when it holds; as a control, when the planted fault makes it fail', async () => {
  const sharp = proofThat(({ planted }) => ({ held: !planted, figures: {} }))
  assert.deepEqual(await verdicts(sharp), ['passed', 'passed'])
  const blind = proofThat(() => ({ held: true, figures: {} }))
  assert.deepEqual(await verdicts(blind), ['passed', 'failed'])
  const broken = proofThat(() => ({ held: false, figures: {} }))
  assert.deepEqual(await verdicts(broken), ['failed', 'passed'])
})

test('what cannot run is neither passed nor failed, and what throws has failed either way', async () => {
  const nowhere = proofThat(() => ({ held: true, figures: {}, leftOut: 'no compiler' }))
  assert.deepEqual(await verdicts(nowhere), ['left_out', 'left_out'])
  const clumsy = proofThat(() => Promise.reject(new Error('unforeseen')))
  assert.deepEqual(await verdicts(clumsy), ['failed', 'failed'])
  assert.match((await resultsOf([clumsy]))[0]?.finding.detail ?? '', /unforeseen/)
})

test('each proof has an empty directory, which is gone afterwards; after an abort no more are run', async () => {
  const seen: string[] = []
  const stop = new AbortController()
  const proof = proofThat(({ directory }) => {
    assert.ok(existsSync(directory))
    seen.push(directory)
    if (seen.length === 2) stop.abort()
    return { held: true, figures: {} }
  })
  assert.equal((await resultsOf([proof, proof, proof], { signal: stop.signal })).length, 1)
  assert.equal(new Set(seen).size, 2)
  assert.deepEqual(seen.filter(existsSync), [])
})

test('every proof has an id of its own, a promise, and says what breaks it', () => {
  assert.equal(new Set(PROOFS.map(({ id }) => id)).size, PROOFS.length)
  for (const { id, promises, claim, faultModel, control } of PROOFS) {
    assert.match(id, /^[A-Z]\d+$/)
    assert.ok(promises.length > 0 && claim.endsWith('.') && faultModel && control, id)
  }
})
