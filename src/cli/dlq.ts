/** `sluice dlq`: the dead letters, looked at, put through again, or given up. */
import type { GroupList, LetterPage } from '../admin/wire.ts'
import { HEADER } from '../core/record.ts'
import { type Api, adminApi, query } from './api.ts'
import { decide, selectorsOf } from './dlq-decide.ts'
import type { Job } from './job.ts'
import { counted, type Output, table } from './output.ts'
import { CLIENT_SETTINGS, type CommandSpec, DRY_RUN, type OptionSpec, YES } from './spec.ts'
import { spanText } from './time.ts'

type Letter = LetterPage['data'][number]

const SELECTORS: readonly OptionSpec[] = [
  { flags: '--code <code>', about: 'with this error code' },
  { flags: '--kind <kind>', about: 'of this kind, such as person.event' },
  {
    flags: '--person <key>',
    about:
      'of this person, by the identifier that the operation named, or one told of later: 42, ada@example.com',
  },
  {
    flags: '--since <time>',
    about: 'dead since: 15m for 15 minutes ago, or 2026-11-24T09:00, which is UTC where it names no zone',
  },
  { flags: '--group <group>', about: 'of this group' },
]
const ALL: OptionSpec = { flags: '--all', about: 'all that wait' }
const WHICH = ['[id]', 'one letter by its operation id, or a group'] as const

export const dlq: CommandSpec = {
  name: 'dlq',
  group: 'Fix:',
  summary: 'Dead letters: what Customer.io refuses for good, kept until you decide.',
  examples: [
    ['sluice dlq list', 'what there is, by reason'],
    ['sluice dlq show 01JD8E3V5Q6Z7X8Y9A0B1C2D3E', 'one letter whole'],
    ['sluice dlq replay --all --dry-run', 'what a replay would do'],
  ],
  commands: [
    {
      name: 'list',
      summary: 'The groups of dead letters; with a condition or --letters the letters themselves.',
      options: [
        ...SELECTORS,
        { flags: '--letters', about: 'single letters' },
        {
          flags: '--state <state>',
          about: 'letters in this state',
          choices: ['waiting', 'replaying', 'dropped'],
        },
        { flags: '--limit <count>', about: 'letters a page', usually: '100' },
        { flags: '--after <id>', about: 'the page after this letter: next_cursor of the page before' },
      ],
      settings: CLIENT_SETTINGS,
      examples: [
        ['sluice dlq list', 'by reason'],
        ['sluice dlq list --code upstream_rejected --since 1h', 'letters of the last hour'],
        ['sluice dlq list --letters --json | jq -r ".data[].id"', 'their ids'],
      ],
      run: list,
    },
    {
      name: 'show',
      summary: 'One dead letter whole: its bytes, every attempt, the reason.',
      args: [['<id>', 'its operation id']],
      settings: CLIENT_SETTINGS,
      examples: [
        ['sluice dlq show 01JD8E3V5Q6Z7X8Y9A0B1C2D3E', 'for people'],
        ['sluice dlq show 01JD8E3V5Q6Z7X8Y9A0B1C2D3E --json | jq -r .value', 'its bytes'],
      ],
      run: show,
    },
    {
      name: 'replay',
      summary: 'Put dead letters through delivery again, under their own ids.',
      args: [WHICH],
      options: [...SELECTORS, ALL, DRY_RUN, YES],
      settings: CLIENT_SETTINGS,
      examples: [
        ['sluice dlq replay 01JD8E3V5Q6Z7X8Y9A0B1C2D3E', 'one'],
        ['sluice dlq replay --code upstream_rejected --dry-run', 'what would be replayed'],
        ['sluice dlq replay --all --yes', 'all, without being asked'],
      ],
      run: (job) => decide(job, 'replay'),
    },
    {
      name: 'drop',
      summary: 'Give dead letters up for good. They stay in the account as dead.',
      args: [WHICH],
      options: [...SELECTORS, ALL, DRY_RUN, YES],
      settings: CLIENT_SETTINGS,
      examples: [
        ['sluice dlq drop 01JD8E3V5Q6Z7X8Y9A0B1C2D3E', 'one'],
        ['sluice dlq drop --kind person.event --since 1d --dry-run', 'what would be dropped'],
      ],
      run: (job) => decide(job, 'drop'),
    },
  ],
}

async function list(job: Job): Promise<void> {
  const api = adminApi(job, await job.config())
  const selectors = selectorsOf(job)
  const page = { state: job.text('state'), after: job.text('after'), limit: job.count('limit', 1) }
  const narrowed = Object.values({ ...selectors, ...page })
  if (job.flag('letters') || narrowed.some((value) => value !== undefined)) await listLetters(job, api)
  else await listGroups(job, api)
}

async function listGroups({ output }: Job, api: Api): Promise<void> {
  const { data } = await api.json<GroupList>('GET', '/admin/v1/dead-letters/groups')
  output.list(data, () =>
    table([
      ['GROUP', 'COUNT', 'PEOPLE', 'FIRST', 'LAST', 'KIND', 'CODE', 'REASON'],
      ...data.map(({ group, count, people, firstAt, lastAt, kind, code, reason }) => [
        group,
        String(count),
        String(people),
        output.instant(firstAt),
        output.instant(lastAt),
        kind,
        code,
        reason,
      ]),
    ]),
  )
  const total = data.reduce((sum, { count }) => sum + count, 0)
  if (total === 0) output.note('No dead letters wait.')
  else
    output.note(
      `${total} waiting, by ${counted(data.length, 'reason')}. Next: sluice dlq list --group <group>`,
    )
}

async function listLetters(job: Job, api: Api): Promise<void> {
  const { output } = job
  const rest = { state: job.text('state'), limit: job.count('limit', 1), after: job.text('after') }
  const path = `/admin/v1/dead-letters${query({ ...selectorsOf(job), ...rest })}`
  const page = await api.json<LetterPage>('GET', path)
  if (output.json) return output.document(page)
  const rows = page.data.map(({ id, endedAt, state, kind, key, refusal }) => [
    id,
    output.instant(endedAt),
    state,
    kind,
    key,
    refusal.code,
    refusal.reason,
  ])
  for (const line of table([['ID', 'DEAD', 'STATE', 'KIND', 'PERSON', 'CODE', 'REASON'], ...rows]))
    output.line(line)
  if (page.next_cursor) output.note(`More: --after ${page.next_cursor}`)
  else if (rows.length === 0) output.note('No such dead letters.')
}

async function show(job: Job): Promise<void> {
  const { output, args } = job
  const api = adminApi(job, await job.config())
  const letter = await api.json<Letter>('GET', `/admin/v1/dead-letters/${encodeURIComponent(args[0] ?? '')}`)
  if (output.json) return output.document(letter)
  for (const line of letterLines(letter, output)) output.line(line)
  if (letter.state === 'waiting')
    output.note(`Next: sluice dlq replay ${letter.id}, or sluice dlq drop ${letter.id}`)
}

function letterLines(letter: Letter, output: Output): string[] {
  const { id, state, kind, key, refusal, attempts, receivedAt, endedAt, replays, value } = letter
  const rows = [
    ['state', replays > 0 ? `${state}, replayed ${counted(replays, 'time')}` : state],
    ['reason', [refusal.code, refusal.reason].join('  ')],
    ['field', refusal.field ?? ''],
    ['message', refusal.message ?? ''],
    ['from', letter.headers[HEADER.origin] ?? ''],
    ['received', output.moment(receivedAt)],
    ['dead', `${output.moment(endedAt)}  (after ${spanText(endedAt - receivedAt)})`],
    ...attempts.map(({ at, status, code, ms, detail }, index) => [
      `attempt ${index + 1}`,
      `${output.moment(at)}  ${status ?? 'no answer'}  ${code}  ${spanText(ms)}  ${detail ?? ''}`,
    ]),
    [letter.headers[HEADER.encoding] ?? 'value', value],
  ]
  const told = rows.filter(([, text]) => text !== '')
  return [`${output.paint('bold', id)}  ${kind}  ${key}`, ...table(told).map((row) => `  ${row}`)]
}
