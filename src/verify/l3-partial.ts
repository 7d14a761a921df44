/** L3: a 207 is accounted item by item, and one that does not say whom it means is believed of nobody. */
import type { LetterPage } from '../admin/wire.ts'
import type { Random } from '../core/clock.ts'
import { isObject, parseJson } from '../core/json.ts'
import { seededRandom } from '../emulator/faults.ts'
import { effectsOf, lostOf, someOf } from './effects.ts'
import { type Answered, intercept, type Script } from './interceptor.ts'
import { idOf, LET_BAD_PASS, postTicks, type Tick } from './load.ts'
import type { Proof, ProofContext } from './proof.ts'
import { openStand, type Stand } from './stand.ts'

const ITEMS = { quick: 3_000, full: 100_000 }
const BATCH = 100
const PEOPLE = 2_000
const BAD_SHARE = 0.05
/** Of the 207s. */
const MANGLED_SHARE = 0.3

export const partial: Proof = {
  id: 'L3',
  promises: ['P2', 'P6'],
  claim:
    'Of a 207 exactly the items that it names are dead, with the reason in its words; an unclear one costs nobody.',
  faultModel:
    '5 % bad items at random; 30 % of the 207s name no item, one beyond the batch, one twice, or are no JSON',
  control: 'a 207 is taken for a success of all',
  run: async (context) => {
    const random = seededRandom(context.seed)
    const sent = Array.from({ length: context.cases ?? ITEMS[context.scale] }, (_, n): Tick => {
      return { n: n + 1, person: `p${Math.floor(random() * PEOPLE)}`, bad: random() < BAD_SHARE }
    })
    const count = { all: 0, mangled: 0 }
    await using stand = await openMangled(context, random, count)
    for (let at = 0; at < sent.length && !context.signal.aborted; at += BATCH) {
      await postTicks(stand.gateway.url, sent.slice(at, at + BATCH))
      context.progress(at, 2 * sent.length, 'items')
    }
    await stand.drained()
    const effects = effectsOf(stand.emulator)
    const lost = lostOf(sent, effects)
    const { dead, misnamed } = await lettersOf(stand)
    const planted = new Set(sent.filter(({ bad }) => bad).map(({ n }) => idOf(n)))
    const misjudged = [...dead.symmetricDifference(planted)]
    const bad = lost.length + misjudged.length + misnamed + effects.twice + effects.outOfOrder
    return {
      held: bad === 0,
      figures: {
        items: sent.length,
        '207s': count.all,
        'of them unclear': count.mangled,
        dead: dead.size,
        misjudged: misjudged.length,
        'without the reason': misnamed,
        lost: lost.length,
        'out of order': effects.outOfOrder,
      },
      ...(bad > 0 && { detail: `misjudged: ${someOf(misjudged)}; lost: ${someOf(lost)}` }),
    }
  },
}

type Mangle = (answer: Answered, errors: readonly object[]) => Answered

const withErrors = (answer: Answered, errors: readonly unknown[]): Answered => ({
  ...answer,
  body: JSON.stringify({ errors }),
})

/** What a 207 could look like that says nothing certain, and one (the last) that says the same thing twice. */
const MANGLES: readonly Mangle[] = [
  (answer) => ({ ...answer, body: '' }),
  (answer) => ({ ...answer, body: '<html>Bad gateway</html>' }),
  (answer) => ({ ...answer, body: answer.body.slice(0, -3) }),
  (answer) => withErrors(answer, []),
  (answer, errors) => withErrors(answer, [...errors, { reason: 'invalid' }]),
  (answer, errors) => withErrors(answer, [...errors, { batch_index: -1, reason: 'invalid' }]),
  (answer, errors) => withErrors(answer, [...errors, { batch_index: 1_000_000, reason: 'invalid' }]),
  (answer, errors) => withErrors(answer, [...errors, { batch_index: 0.5, reason: 'invalid' }]),
  (answer, errors) => withErrors(answer, [...errors, { batch_index: '0', reason: 'invalid' }]),
  (answer, errors) => withErrors(answer, [null, ...errors]),
  (answer, errors) =>
    withErrors(
      answer,
      errors.map((error) => ({ ...error, batch_index: undefined })),
    ),
  (answer, errors) => withErrors(answer, [...errors, ...errors]),
]

/** Of a batch of one every 207 is clear, so that whatever was unclear can be settled one by one. */
function openMangled({ directory, planted }: ProofContext, random: Random, count: Count): Promise<Stand> {
  const script: Script = async (asked, pass) => {
    const answer = await pass()
    if (answer.status !== 207) return answer
    const isSingle = asked.body.split('"action"').length === 2
    count.all += 1
    if (isSingle || random() >= MANGLED_SHARE) return answer
    count.mangled += 1
    const mangle = MANGLES[count.mangled % MANGLES.length]
    return mangle?.(answer, errorsIn(answer.body)) ?? answer
  }
  const fault = planted ? 'trust207' : undefined
  return openStand({ directory, fault, env: LET_BAD_PASS, between: (url) => intercept(script, url) })
}

/** Of the answers that were 207. */
interface Count {
  all: number
  mangled: number
}

function errorsIn(body: string): readonly object[] {
  const parsed = parseJson(body)
  return isObject(parsed) && Array.isArray(parsed.errors) ? parsed.errors.filter(isObject) : []
}

/** The ids of the dead, and how many of them lack the words of Customer.io or the attempts. */
async function lettersOf({ admin }: Stand): Promise<{ dead: ReadonlySet<string>; misnamed: number }> {
  const dead = new Set<string>()
  let misnamed = 0
  for (let after = ''; ; ) {
    const page = await admin<LetterPage>(`/dead-letters?limit=500${after && `&after=${after}`}`)
    for (const { id, refusal, attempts } of page.data) {
      dead.add(id)
      if (refusal.field !== 'name' || refusal.message === undefined || attempts.length === 0) misnamed += 1
    }
    if (page.next_cursor === null) return { dead, misnamed }
    after = page.next_cursor
  }
}
