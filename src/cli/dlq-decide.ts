/** What becomes of dead letters: replayed or dropped, one or many, never by mistake. */
import type { Done } from '../admin/wire.ts'
import { SluiceError } from '../core/errors.ts'
import { isUlid } from '../core/ulid.ts'
import { adminApi } from './api.ts'
import { keyOf } from './compose.ts'
import type { Job } from './job.ts'
import { CODES, KINDS_WHOLE, knownAs } from './known.ts'
import { counted } from './output.ts'

/** The conditions that the options of `dlq` set, as the admin API calls them. Throws `bad_usage`. */
export function selectorsOf(job: Job) {
  const [code, kind, person] = [job.text('code'), job.text('kind'), job.text('person')]
  return {
    code: code && knownAs('--code', code, CODES),
    kind: kind && knownAs('--kind', kind, KINDS_WHOLE),
    key: person && keyOf(person),
    since: job.instant('since'),
    group: job.text('group'),
  }
}

export type Verb = 'replay' | 'drop'

/** Asks first, with the number that it is about: of one letter by its id, nobody is asked. */
export async function decide(job: Job, verb: Verb): Promise<void> {
  const { output } = job
  const api = adminApi(job, await job.config())
  const selection = selectionOf(job)
  const path = `/admin/v1/dead-letters/${verb}`
  const single = 'ids' in selection
  if (job.flag('dryRun') || !single) {
    const plan = await api.json<Done>('POST', path, { ...selection, dry_run: true })
    if (plan.count === 0) refuseNothing(job)
    if (job.flag('dryRun')) return tellDone(job, plan, `would ${verb}`)
    if (plan.count === 0) return tellDone(job, plan, `nothing to ${verb}:`)
    if (!(await job.confirm(`${verb === 'replay' ? 'Replay' : 'Drop'} ${letters(plan.count)}?`))) return
  }
  const done = await api.json<Done>('POST', path, selection)
  if (done.count === 0) refuseNothing(job)
  tellDone(job, done, verb === 'replay' ? 'replaying' : 'dropped')
  if (verb === 'replay') output.note('Next: sluice status, or sluice tail')
}

function selectionOf(job: Job): Readonly<Record<string, unknown>> {
  const [which] = job.args
  const selectors = Object.entries(selectorsOf(job)).filter(([, value]) => value !== undefined)
  if (Number(which !== undefined) + Number(selectors.length > 0) + Number(job.flag('all')) !== 1)
    throw new SluiceError('bad_usage', 'Say which letters: either an id or a group, or conditions, or --all.')
  if (which !== undefined) return isUlid(which) ? { ids: [which] } : { group: which }
  return job.flag('all') ? { since: 0 } : Object.fromEntries(selectors)
}

function tellDone({ output }: Job, done: Done, what: string): void {
  if (output.json) output.document(done)
  else for (const id of done.ids) output.line(id)
  const rest = done.count > done.ids.length ? `, the first ${done.ids.length} listed` : ''
  output.note(`${what} ${letters(done.count)}${rest}`)
}

const letters = (count: number) => counted(count, 'dead letter')

/** That conditions find nothing is an answer. What was named, and is not there, was misspelt or has moved on. */
function refuseNothing({ args: [which] }: Job): void {
  if (which === undefined) return
  if (isUlid(which))
    throw new SluiceError('conflict', `${which} is no dead letter that waits.`, {
      details: { id: which },
      hint: `See it with "sluice trace ${which}".`,
    })
  throw new SluiceError('not_found', `No dead letters wait in a group ${which}.`, {
    details: { group: which },
    hint: '"sluice dlq list" tells the groups. An operation id has 26 letters and digits.',
  })
}
