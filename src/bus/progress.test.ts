import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Progress, packSaved, type Range, type Saved, unpackSaved } from './progress.ts'

/** A lane as a list of its records: simple, and as slow as it is long. */
class Model {
  readonly #records: readonly number[]
  readonly #settled = new Set<number>()
  readonly #out = new Set<number>()

  constructor(records: readonly number[]) {
    this.#records = records
  }

  take(offset: number): void {
    this.#out.add(offset)
  }

  settle(offset: number): boolean {
    if (!this.#out.has(offset) || this.#settled.has(offset)) return false
    this.#settled.add(offset)
    return true
  }

  get unsettled(): number {
    return this.#out.size - this.#settled.size
  }

  /** Settled above the lowest that is not. */
  get above(): number[] {
    const lowest = this.#records.find((offset) => !this.#settled.has(offset)) ?? Number.POSITIVE_INFINITY
    return [...this.#settled].filter((offset) => offset > lowest).sort((a, b) => a - b)
  }

  forget(isKept: (offset: number) => boolean): void {
    this.#out.clear()
    for (const offset of [...this.#settled])
      if (isKept(offset)) this.#out.add(offset)
      else this.#settled.delete(offset)
  }
}

const within = (saved: Saved) => (offset: number) =>
  offset < saved.position || saved.above.some(({ from, to }) => offset >= from && offset <= to)

const action = fc.oneof(
  { weight: 5, arbitrary: fc.record({ take: fc.integer({ min: 1, max: 300 }) }) },
  { weight: 5, arbitrary: fc.record({ settle: fc.integer({ min: 1, max: 300 }), from: fc.nat(1_000) }) },
  { weight: 5, arbitrary: fc.record({ every: fc.integer({ min: 2, max: 9 }), from: fc.nat(1_000) }) },
  { weight: 1, arbitrary: fc.record({ restart: fc.constantFrom(3, 20, Number.POSITIVE_INFINITY) }) },
)

test('whatever is settled in whatever order, all of it is known, also after a restart', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(3), { minLength: 10 }),
      fc.array(action, { minLength: 5 }),
      (holes, actions) => {
        let at = 0
        const records = Array.from({ length: 2_000 }, (_, n) => (at += 1 + (holes[n % holes.length] ?? 0)))
        const model = new Model(records)
        let progress = new Progress({ position: 0, above: [] })
        let next = 0
        const settle = (offset: number | undefined) => {
          if (offset !== undefined)
            assert.equal(progress.settle(offset), model.settle(offset), `settle ${offset}`)
        }
        for (const act of actions) {
          if ('take' in act)
            for (const end = Math.min(records.length, next + act.take); next < end; next += 1) {
              if (progress.take(records[next] ?? 0)) model.take(records[next] ?? 0)
            }
          else if ('settle' in act)
            for (let n = 0; n < act.settle; n += 1) settle(records[(act.from + n) % records.length])
          else if ('every' in act)
            for (let n = 0; n < 300; n += act.every) settle(records[(act.from + n) % records.length])
          else {
            const saved = progress.saved(act.restart)
            progress = new Progress(unpackSaved(packSaved(saved)))
            model.forget(within(saved))
            next = 0
          }
          assertKnown(progress, model, records)
        }
      },
    ),
    { numRuns: 150, seed: 3 },
  )
})

function assertKnown(progress: Progress, model: Model, records: readonly number[]): void {
  const saved = progress.saved()
  assert.equal(progress.unsettled, model.unsettled)
  assert.equal(progress.position, saved.position)
  assert.deepEqual(
    records.filter((offset) => offset > saved.position && within(saved)(offset)),
    model.above,
  )
  for (const [n, { from, to }] of saved.above.entries()) {
    const before: Range | undefined = saved.above[n - 1]
    assert.ok(from <= to && from > (before?.to ?? saved.position), 'ascending, none touching another')
  }
}

test('whatever is settled above one record that nobody finishes is one range', () => {
  const progress = new Progress({ position: 0, above: [] })
  for (let offset = 0; offset < 200_000; offset += 1) {
    progress.take(offset)
    if (offset > 0) progress.settle(offset)
  }
  assert.deepEqual(progress.saved(), { position: 0, above: [{ from: 1, to: 199_999 }] })
})

test('of more gaps than may be saved the lowest are, and it says so', () => {
  const progress = new Progress({ position: 0, above: [] })
  for (let offset = 0; offset < 100_000; offset += 1) progress.take(offset)
  for (let offset = 1; offset < 100_000; offset += 2) progress.settle(offset)
  const { above, cut } = progress.saved(100)
  assert.ok(cut && above.length >= 100 && above.length < 400, `${above.length}`)
  assert.deepEqual(above[0], { from: 1, to: 1 })
})
