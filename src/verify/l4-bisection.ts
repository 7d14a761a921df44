/** L4: of a batch that is refused whole, only the culprit ends among the dead letters, and few calls find it. */
import type { LetterPage } from '../admin/wire.ts'
import { seededRandom } from '../emulator/faults.ts'
import { intercept, type Script } from './interceptor.ts'
import type { Proof, ProofContext } from './proof.ts'
import { openStand, type Stand } from './stand.ts'

const POISON = 'poison'
const SIZES = [1, 2, 3, 5, 8, 13, 50, 100, 250, 333, 499, 500]

export const bisection: Proof = {
  id: 'L4',
  promises: ['P6'],
  claim: 'A batch that is refused whole is halved until the culprit is alone: at most 2·⌈log2 n⌉+2 calls.',
  faultModel: 'one poison item in a batch of up to 500, which is answered 400 as a whole',
  control: 'the refusal of a batch is taken for a refusal of each of its items',
  run: async (context) => {
    await using stand = await openCounted(context)
    const batches = batchesOf(context)
    const wrong: string[] = []
    let worst = 0
    for (const [at, batch] of batches.entries()) {
      if (context.signal.aborted) break
      const seen = await deliverOne(batch, stand)
      worst = Math.max(worst, seen.calls / limitOf(batch.size))
      const complaint = complaintOf(batch, seen)
      if (complaint) wrong.push(`${batch.size} items, number ${batch.poison} is bad: ${complaint}`)
      context.progress(at + 1, batches.length, 'batches')
    }
    return {
      held: wrong.length === 0,
      figures: {
        batches: batches.length,
        misjudged: wrong.length,
        'most calls, of the limit': worst.toFixed(2),
      },
      ...(wrong.length > 0 && { detail: wrong.slice(0, 3).join('\n') }),
    }
  },
}

interface Batch {
  readonly size: number
  /** The index of the bad item. */
  readonly poison: number
}

/** Halving takes both halves of each level, and the whole first: ⌈log2 n⌉ levels, 2·⌈log2 n⌉+1 calls; one may be cut short. */
const limitOf = (size: number) => 2 * Math.ceil(Math.log2(size)) + 2

/** The first and the last place of every size, and as many others as the scale has time for. */
function batchesOf({ scale, cases, seed }: ProofContext): Batch[] {
  const random = seededRandom(seed)
  const between = cases ?? (scale === 'full' ? 20 : 1)
  return SIZES.flatMap((size) => {
    const places = Array.from({ length: between }, () => Math.floor(random() * size))
    return [...new Set([0, size - 1, ...places])].map((poison) => ({ size, poison }))
  })
}

const refuseWhole: Script = (asked, pass) =>
  asked.body.includes(POISON)
    ? { status: 400, body: '{"errors":[{"reason":"invalid","message":"the batch is refused"}]}' }
    : pass()

interface Counted extends Stand {
  readonly calls: () => number
}

/** A gateway whose Customer.io refuses every batch with a poison item whole, and counts the calls. */
async function openCounted({ directory, planted }: ProofContext): Promise<Counted> {
  let calls = 0
  const script: Script = (asked, pass) => {
    calls += 1
    return refuseWhole(asked, pass)
  }
  const stand = await openStand({
    directory,
    between: (url) => intercept(script, url),
    // Longer than the bus takes to hand over 500 records, so that the first call has all of them.
    env: { SLUICE_LIMITS_LINGER: '50ms' },
    fault: planted ? 'condemnBatches' : undefined,
  })
  return { ...stand, calls: () => calls }
}

interface Seen {
  readonly dead: readonly string[]
  readonly arrived: number
  readonly calls: number
}

async function deliverOne({ size, poison }: Batch, stand: Counted): Promise<Seen> {
  const before = { calls: stand.calls(), last: stand.emulator.events().at(-1)?.seq ?? 0 }
  const batch = Array.from({ length: size }, (_, n) => eventOf(n, n === poison ? POISON : 'tick'))
  await stand.call('POST', '/api/v2/batch', { batch })
  await stand.drained()
  const { data } = await stand.admin<LetterPage>('/dead-letters?limit=500&state=waiting')
  const dead = data.map(({ key }) => key)
  await stand.admin('/dead-letters/drop', { code: 'upstream_rejected' })
  const arrived = stand.emulator.events({ after: before.last }).length
  return { dead, arrived, calls: stand.calls() - before.calls }
}

const eventOf = (n: number, name: string) => ({
  type: 'person',
  identifiers: { id: `p${n}` },
  action: 'event',
  name,
})

function complaintOf({ size, poison }: Batch, { dead, arrived, calls }: Seen): string | undefined {
  if (dead.length !== 1 || dead[0] !== `id:p${poison}`)
    return `dead letters: ${dead.length}, ${dead[0] ?? 'none'}`
  if (arrived !== size - 1) return `${arrived} of ${size - 1} good ones arrived`
  return calls > limitOf(size) ? `${calls} calls, ${limitOf(size)} allowed` : undefined
}
