/** `sluice send`: single operations, and files of them, through the same HTTP API that an application uses. */

import { SluiceError } from '../core/errors.ts'
import { isUlid } from '../core/ulid.ts'
import { adminApi, trackApi } from './api.ts'
import { attributesText, identifiersText, textOf } from './compose.ts'
import { readText } from './input.ts'
import type { Job } from './job.ts'
import { checkFile, checkOne } from './send-check.ts'
import { sendFile } from './send-file.ts'
import { waitUntilSettled } from './settled.ts'
import { CLIENT_SETTINGS, type CommandSpec, type OptionSpec } from './spec.ts'
import { noteWarnings, warningsIn } from './warnings.ts'

const PERSON = [
  '<person>',
  '42, ada@example.com, cio_03000001, or with a prefix: id: email: cio_id: phone:',
] as const
const NAME = ['<name>', 'the name'] as const

const DATA: readonly OptionSpec[] = [
  { flags: '-d <key=value>', about: 'one attribute; JSON where it is JSON, else text', repeat: true },
  { flags: '--data <json>', about: 'all attributes: a JSON object, @file, or - for stdin' },
]
const AT: OptionSpec = {
  flags: '--at <instant>',
  about: 'when it happened: 2026-11-24T09:00, which is UTC where it names no zone, or 15m ago as 15m',
}
const EVENT: readonly OptionSpec[] = [
  {
    flags: '--id <ulid>',
    about: 'the id that Customer.io dedupes on; two sends with one id take effect once',
  },
  AT,
  { flags: '--anonymous', about: 'the person is an anonymous id: nobody is known by it yet' },
]
const WAIT: OptionSpec = {
  flags: '--wait',
  about: 'wait for the outcome, at most --timeout; exit code 124 after that',
}

const CHECK: OptionSpec = { flags: '--check', about: 'send nothing: say what preflight finds' }

interface Verb {
  readonly action: string
  readonly summary: string
  readonly args: CommandSpec['args']
  readonly options: readonly OptionSpec[]
  readonly example: string
}

/** The command's name and what makes it differ from the others. */
const VERBS: Readonly<Record<string, Verb>> = {
  identify: {
    action: 'identify',
    summary: 'Create or update a person.',
    args: [PERSON],
    options: [...DATA, AT],
    example: 'sluice send identify 42 -d email=ada@example.com -d plan=pro',
  },
  track: {
    action: 'event',
    summary: 'Say that a person did something.',
    args: [PERSON, NAME],
    options: [...DATA, ...EVENT],
    example: 'sluice send track 42 order_completed -d total=19.9 --wait',
  },
  page: {
    action: 'page',
    summary: 'Say that a person saw a page.',
    args: [PERSON, NAME],
    options: [...DATA, ...EVENT],
    example: 'sluice send page 42 https://example.com/pricing',
  },
  screen: {
    action: 'screen',
    summary: 'Say that a person saw a screen of an app.',
    args: [PERSON, NAME],
    options: [...DATA, ...EVENT],
    example: 'sluice send screen 42 Checkout',
  },
  delete: {
    action: 'delete',
    summary: 'Delete a person. A later identify creates it anew.',
    args: [PERSON],
    options: [],
    example: 'sluice send delete 42 --wait',
  },
  suppress: {
    action: 'suppress',
    summary: 'Delete a person and take nothing more about it.',
    args: [PERSON],
    options: [],
    example: 'sluice send suppress ada@example.com',
  },
  unsuppress: {
    action: 'unsuppress',
    summary: 'Take operations about a person again.',
    args: [PERSON],
    options: [],
    example: 'sluice send unsuppress ada@example.com',
  },
  merge: {
    action: 'merge',
    summary: 'Merge the second person into the first.',
    args: [PERSON, ['<other>', 'the person that ceases to exist']],
    options: [],
    example: 'sluice send merge 42 ada@example.com',
  },
}

export const send: CommandSpec = {
  name: 'send',
  group: 'Send:',
  summary: 'Send operations as an application would, and print their ids.',
  about: 'The ids go to stdout. Credentials: those of the first source; "dev" unless set.',
  options: [
    { flags: '--file <path>', about: 'operations of Track v2, one JSON object a line; - for stdin' },
    { flags: '--skip <lines>', about: 'leave out this many lines of the file, to go on after a stop' },
    {
      flags: '--check [path]',
      about:
        'send nothing: say what preflight finds in the file, line by line; exit code 2 when a line would be refused',
    },
  ],
  settings: CLIENT_SETTINGS,
  examples: [
    ['sluice send track 42 order_completed -d total=19.9', 'an event'],
    ['sluice send identify 42 -d email=ada@example.com --wait', 'a person, and wait for the outcome'],
    ['sluice send --file operations.ndjson', 'many, in batches'],
    ['sluice send --check operations.ndjson', 'look at a file, and send nothing'],
    [
      'sluice dlq list --letters --json | jq -r ".data[].value" | sluice send --file -',
      'from another command',
    ],
  ],
  run: sendOrCheck,
  commands: Object.entries(VERBS).map(([name, verb]) => verbCommand(name, verb)),
}

function verbCommand(name: string, verb: Verb): CommandSpec {
  return {
    name,
    summary: verb.summary,
    ...(verb.args && { args: verb.args }),
    options: [...verb.options, WAIT, CHECK],
    settings: CLIENT_SETTINGS,
    examples: [
      [verb.example, verb.summary.charAt(0).toLowerCase() + verb.summary.slice(1).replace(/\..*$/, '')],
    ],
    run: (job) => sendOne(job, verb.action),
  }
}

async function sendOrCheck(job: Job): Promise<void> {
  const path = job.text('check') ?? (job.flag('check') ? job.text('file') : undefined)
  if (path !== undefined) return checkFile(job, path)
  if (!job.flag('check')) return sendFile(job)
  throw new SluiceError('bad_usage', '--check needs a file: "sluice send --check operations.ndjson".')
}

/** Sends one operation and prints the id under which it was accepted. */
async function sendOne(job: Job, action: string): Promise<void> {
  if (job.flag('check')) return checkOne(job, await checkText(job, action))
  const config = await job.config()
  const { path, body } = job.flag('anonymous')
    ? await anonymousCall(job, action)
    : await entityCall(job, action)
  const answer = await trackApi(job, config).call('POST', path, body)
  const id = answer.headers.get('x-sluice-id') ?? ''
  const warnings = warningsIn(answer)
  const { output } = job
  noteWarnings(output, warnings, `sluice explain ${warnings[0]?.split(';')[0]}`)
  if (!job.flag('wait')) {
    if (output.json) output.document({ id, state: 'accepted', ...(warnings.length > 0 && { warnings }) })
    else output.line(id)
    return output.note(`accepted  Next: sluice trace ${id}`)
  }
  const trace = await waitUntilSettled(job, adminApi(job, config), id)
  if (output.json) output.document(trace)
  else output.line(`${id}  ${trace.state}`)
}

interface Call {
  readonly path: string
  readonly body: string
}

async function entityCall(job: Job, action: string): Promise<Call> {
  const [person = '', second = ''] = job.args
  const merging = action === 'merge'
  const body = textOf({
    type: '"person"',
    identifiers: merging ? undefined : identifiersText(person),
    action: JSON.stringify(action),
    primary: merging ? identifiersText(person) : undefined,
    secondary: merging ? identifiersText(second) : undefined,
    name: merging || second === '' ? undefined : JSON.stringify(second),
    ...occasion(job),
    attributes: await attributes(job),
  })
  return { path: '/api/v2/entity', body }
}

/** Preflight looks at Track v2, where somebody whom nobody knows is named like anybody else. */
async function checkText(job: Job, action: string): Promise<string> {
  if (!job.flag('anonymous')) return (await entityCall(job, action)).body
  const [person = '', name = ''] = job.args
  return textOf({
    type: '"person"',
    identifiers: JSON.stringify({ anonymous_id: person }),
    action: JSON.stringify(action),
    name: JSON.stringify(name),
    ...occasion(job),
    attributes: await attributes(job),
  })
}

/** Track v2 has no form for somebody whom nobody knows yet; v1 has, and calls the attributes `data`. */
async function anonymousCall(job: Job, action: string): Promise<Call> {
  const [person = '', name = ''] = job.args
  const body = textOf({
    name: JSON.stringify(name),
    type: JSON.stringify(action),
    anonymous_id: JSON.stringify(person),
    ...occasion(job),
    data: await attributes(job),
  })
  return { path: '/api/v1/events', body }
}

async function attributes(job: Job): Promise<string | undefined> {
  const data = job.text('data')
  return attributesText(data === undefined ? undefined : await readText(job, data), job.texts('d'))
}

/** The id and the time of an event, where they were given. Customer.io counts in whole seconds. */
function occasion(job: Job): { id: string | undefined; timestamp: string | undefined } {
  const id = job.text('id')
  const at = job.instant('at')
  if (id !== undefined && !isUlid(id))
    throw new SluiceError('bad_usage', `--id must be a ULID; you gave "${id}".`)
  return {
    id: id === undefined ? undefined : JSON.stringify(id),
    timestamp: at === undefined ? undefined : String(Math.floor(at / 1000)),
  }
}
