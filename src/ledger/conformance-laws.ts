/** Scenarios over random histories: the figures are right after every one, and equal to the rows. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { cases } from '../../test/cases.ts'
import { OUTCOMES, type Outcome } from '../core/outcome.ts'
import { TOPICS } from '../core/record.ts'
import { deadEntry, entry } from './conformance-sample.ts'
import { recount, type Scenario } from './conformance-stand.ts'
import type { Counts, Entry, Ledger, LetterState } from './ledger.ts'

interface Step {
  readonly does: 'record' | 'replay' | 'drop'
  readonly id: string
  readonly outcome: Outcome
  readonly topic: string
  readonly offset: number
}

const steps = fc.array(
  fc.record<Step>({
    does: fc.constantFrom('record', 'record', 'record', 'replay', 'drop'),
    id: fc.constantFrom('R1', 'R2', 'R3'),
    outcome: fc.constantFrom(...OUTCOMES, 'dead'),
    topic: fc.constantFrom(TOPICS.events, 'customerio.track', TOPICS.replay),
    offset: fc.integer({ min: 0, max: 2 }),
  }),
  { minLength: 1, maxLength: 40 },
)

const entryOf = ({ id, outcome, topic, offset }: Step): Entry =>
  outcome === 'dead' ? deadEntry(id, { topic, offset }) : entry(id, { topic, offset, outcome })

interface Known {
  outcome: Outcome
  state: LetterState | undefined
  replays: number
  readonly places: Set<string>
}

/** The contract said once more, as simply as possible: a map of operations, each with the places it was met at. */
class Model {
  readonly #known = new Map<string, Known>()

  take(step: Step): void {
    const known = this.#known.get(step.id)
    if (step.does === 'record') this.#record(step, known)
    else if (known?.state === 'waiting') known.state = step.does === 'replay' ? 'replaying' : 'dropped'
  }

  counts(): Counts {
    const all = [...this.#known.values()]
    const ended = (outcome: Outcome) => all.filter((known) => known.outcome === outcome).length
    const replaying = all.filter((known) => known.state === 'replaying').length
    return {
      delivered: ended('delivered'),
      coalesced: ended('coalesced'),
      suppressed: ended('suppressed'),
      dead: ended('dead') - replaying,
      replaying,
      duplicate: all.reduce((sum, known) => sum + known.places.size - 1, 0),
    }
  }

  #record({ id, outcome, topic, offset }: Step, known: Known | undefined): void {
    const state = outcome === 'dead' ? 'waiting' : undefined
    const place = `${topic}/${offset}`
    if (known === undefined) {
      this.#known.set(id, { outcome, state, replays: 0, places: new Set([place]) })
      return
    }
    const replay = topic === TOPICS.replay
    if (replay && known.state === 'replaying')
      Object.assign(known, { outcome, state, replays: known.replays + 1 })
    else if (!replay || known.replays === 0) known.places.add(place)
  }
}

async function apply(ledger: Ledger, step: Step): Promise<void> {
  if (step.does === 'record') await ledger.record([entryOf(step)])
  if (step.does === 'replay') await ledger.dead.startReplay([step.id])
  if (step.does === 'drop') await ledger.dead.drop([step.id])
}

async function assertFigures(ledger: Ledger, model: Model): Promise<void> {
  const counts = await ledger.counts()
  assert.deepEqual(counts, model.counts())
  const { duplicate: _, ...rows } = counts
  assert.deepEqual(await recount(ledger), rows)
}

const recordings = fc
  .uniqueArray(
    fc.record<Step>({
      does: fc.constant('record'),
      id: fc.constantFrom('R1', 'R2', 'R3', 'R4'),
      outcome: fc.constantFrom(...OUTCOMES),
      topic: fc.constantFrom(TOPICS.events, 'customerio.track'),
      offset: fc.integer({ min: 0, max: 3 }),
    }),
    { selector: ({ id, topic, offset }) => `${id} ${topic} ${offset}`, minLength: 1, maxLength: 12 },
  )
  // every recording at least once, some twice, in any order, cut into calls anywhere
  .chain((unique) =>
    fc.record({
      unique: fc.constant(unique),
      order: fc.shuffledSubarray([...unique, ...unique], { minLength: unique.length }),
      cut: fc.integer({ min: 1, max: 8 }),
    }),
  )
  .map(({ unique, order, cut }) => ({ order: [...order, ...unique], cut }))

/** Each opens as many ledgers. */
const RUNS = { numRuns: cases(20, 60) }

export const lawScenarios: readonly Scenario[] = [
  {
    name: 'after any history of records, replays and drops the figures are those of a simple model and of the rows',
    run: ({ fresh }) =>
      fc.assert(
        fc.asyncProperty(steps, async (history) => {
          const ledger = await fresh()
          const model = new Model()
          for (const step of history) {
            await apply(ledger, step)
            model.take(step)
          }
          await assertFigures(ledger, model)
        }),
        RUNS,
      ),
  },
  {
    name: 'in every order, with any repeats and in calls of any size, each place adds one to the figures',
    run: ({ fresh }) =>
      fc.assert(
        fc.asyncProperty(recordings, async ({ order, cut }) => {
          const ledger = await fresh()
          const calls: Promise<void>[] = []
          for (let at = 0; at < order.length; at += cut)
            calls.push(ledger.record(order.slice(at, at + cut).map(entryOf)))
          await Promise.all(calls)
          const model = new Model()
          for (const step of order) model.take(step)
          await assertFigures(ledger, model)
          const places = new Set(order.map(({ id, topic, offset }) => `${id} ${topic} ${offset}`))
          const sum = Object.values(await ledger.counts()).reduce((total, figure) => total + figure, 0)
          assert.equal(sum, places.size)
        }),
        RUNS,
      ),
  },
]
