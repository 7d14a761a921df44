/** What becomes of dead letters: replayed or dropped, one or many, never by mistake. */
import type { Done } from '../admin/wire.ts'
import { SluiceError } from '../core/errors.ts'
import { isUlid } from '../core/ulid.ts'
import { adminApi } from './api.ts'
import type { Job } from './job.ts'

/** The conditions that the options of `dlq` set, as the admin API calls them. */
export const selectorsOf = (job: Job) => ({
  code: job.text('code'),
  kind: job.text('kind'),
  key: job.text('person'),
  since: job.instant('since'),
  group: job.text('group'),
})

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
    if (job.flag('dryRun')) return tellDone(job, plan, `would ${verb}`)
    if (plan.count === 0) return tellDone(job, plan, `nothing to ${verb}:`)
    if (!(await job.confirm(`${verb === 'replay' ? 'Replay' : 'Drop'} ${letters(plan.count)}?`))) return
  }
  const done = await api.json<Done>('POST', path, selection)
  if (single && done.count === 0) throw notWaiting(job.args[0] ?? '')
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

const letters = (count: number) => `${count} dead letter${count === 1 ? '' : 's'}`

const notWaiting = (id: string) =>
  new SluiceError('conflict', `${id} is no dead letter that waits.`, {
    details: { id },
    hint: `See it with "sluice trace ${id}".`,
  })
