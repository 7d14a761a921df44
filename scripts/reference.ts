/** Writes the pages of docs/ that are made from tables and routes. A test keeps them the same. */
import { writeFileSync } from 'node:fs'
import { systemClock } from '../src/core/clock.ts'
import { ERRORS } from '../src/core/errors.ts'
import { NOTICES, silent } from '../src/core/notices.ts'
import { makeUlids } from '../src/core/ulid.ts'
import { COVERAGE } from '../src/emulator/coverage.ts'
import { createServer } from '../src/http/server.ts'
import { Judge } from '../src/ingest/judge.ts'
import { trackRoutes } from '../src/ingest/routes.ts'
import { policiesWith, RULE_NAMES, ruleOf } from '../src/preflight/rules.ts'
import { refuseSends } from '../src/relay/sends.ts'
import { DIFFERENCES } from './differences.ts'
import { proofPage } from './proof.ts'

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ')
const row = (cells: readonly string[]) => `| ${cells.map(cell).join(' | ')} |`
const table = (head: readonly string[], rows: readonly (readonly string[])[]) =>
  [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n')

function errorsPage(): string {
  const rows = Object.entries(ERRORS).map(([code, { status, exit, retryable, meaning, hint }]) => [
    `\`${code}\``,
    String(status),
    String(exit),
    retryable ? 'yes' : 'no',
    meaning,
    hint,
  ])
  return `# Errors

Every error that Sluice gives has a code of this table, made from \`src/core/errors.ts\`. Over HTTP the code is in the
header \`X-Sluice-Code\`, and in the body where the route is not one of Customer.io's own; \`sluice explain <code>\` shows a row.

${table(['Code', 'HTTP', 'Exit', 'Repeat?', 'Meaning', 'What to do'], rows)}
`
}

function noticesPage(): string {
  const rows = Object.entries(NOTICES).map(([name, notice]) => [
    `\`${name}\``,
    notice.level,
    `\`sluice_${notice.counter}_total\`${'labels' in notice ? ` by ${notice.labels.join(', ')}` : ''}`,
    notice.meaning,
  ])
  return `# Notices

Everything worth telling is a row of this table, made from \`src/core/notices.ts\`: one log line, and one counter at
\`/metrics\`. Of one notice with the same labels, 20 lines in 10 s are written; the next one says in \`left_out\` how many were
not. Those of level debug all are, and all are counted. Beside the counters stand the gauges \`sluice_operations\` by state (\`missing\` must be 0),
\`sluice_backlog_oldest_seconds\`, \`sluice_dead_letters_waiting\`, \`sluice_upstream_rate\`, \`sluice_upstream_in_flight\` and
\`sluice_upstream_state\`.

${table(['Notice', 'Level', 'Counter', 'Meaning'], rows)}
`
}

function emulatorPage(): string {
  const rows = COVERAGE.map(({ operation, emulated, note }) => [operation, emulated, note ?? ''])
  return `# What the emulator does, and what it does not

Made from \`src/emulator/coverage.ts\`; \`sluice emulator coverage\` shows the same. A route that is not in this table answers
501. Where Customer.io's own documents leave a question open, the note says what was chosen, after the word "Uncertain".

${table(['Operation', 'Emulated', 'Note'], rows)}
`
}

/** `POST /api/v1/customers/{}/events`: a route without the names of its parameters, which differ from side to side. */
const plain = (method: string, path: string) => `${method} ${path.replace(/:\w+|\{\w+\}/g, '{}')}`

/** The routes of the gateway that an application calls, as the server has them. */
async function gatewayRoutes(): Promise<ReadonlySet<string>> {
  const server = createServer({ clock: systemClock, ulids: makeUlids() })
  const found = new Set<string>()
  server.app.addHook('onRoute', ({ method, url }) => {
    for (const verb of [method].flat()) if (verb !== 'HEAD' && verb !== 'OPTIONS') found.add(plain(verb, url))
  })
  const nobody = () => undefined
  const intake = { accept: async () => [] }
  const judge = new Judge({ policies: policiesWith(), clock: systemClock, notify: silent })
  const deps = {
    intake,
    judge,
    nameSource: nobody,
    nameWriter: nobody,
    region: 'us',
    notify: silent,
  } as const
  await server.app.register(trackRoutes(deps))
  await server.app.ready()
  await server.stop({ graceMs: 0 })
  return found
}

/** `POST /v1/identify, track` is two calls; what is no call has none. */
function callsOf(operation: string): string[] {
  const [method = '', ...rest] = operation.split(' ')
  const [first = '', ...others] = rest
    .join(' ')
    .replace(/\?.*|\(.*\)/g, '')
    .split(', ')
  if (!first.startsWith('/')) return []
  const folder = first.slice(0, first.lastIndexOf('/') + 1)
  return [first, ...others.map((name) => (name.startsWith('/') ? name : folder + name))].map((path) =>
    plain(method, path.trim()),
  )
}

/** What the gateway does with a call that has no route of its own. */
function byGateway(call: string): string {
  const [method = '', path = ''] = call.split(' ')
  if (!path.startsWith('/v1/')) return 'no'
  try {
    refuseSends({ method, path: path.replaceAll('{}', '1'), body: undefined }, true)
    return 'passed on'
  } catch {
    return 'no'
  }
}

async function compatibilityPage(): Promise<string> {
  const gateway = await gatewayRoutes()
  const emulator = new Map(
    COVERAGE.flatMap(({ operation, emulated }) => callsOf(operation).map((call) => [call, emulated])),
  )
  const calls = [...new Set([...gateway, ...emulator.keys()])].sort((one, other) =>
    (one.split(' ')[1] ?? '').localeCompare(other.split(' ')[1] ?? ''),
  )
  const rows = calls.map((call) => [
    `\`${call}\``,
    gateway.has(call) ? 'yes' : byGateway(call),
    emulator.get(call) ?? 'no',
  ])
  return `# Compatibility

Which calls of Customer.io the gateway takes, and which the emulator answers. Made from the routes of the one and the coverage
table of the other; \`{}\` stands for an identifier. Within Track v2 and the Pipelines API all types and actions that are
documented are taken. Every other call of the App API is passed on to Customer.io, those that are not in this table too, with
two exceptions: sends are answered with 501, and what would mail people from where it is not production with 403.

${table(['Call', 'Gateway', 'Emulator'], rows)}

## What Customer.io receives otherwise than it was said

Every value arrives to the byte: numbers, the order of keys, escapes, white space within a value. A test compares a thousand
inputs with what arrives (\`test/flow/bytes.test.ts\`). The differences are these.

- Acts upon people, objects and devices travel as items of Track v2 batches, whether they came by v1, v2 or Pipelines, in order
  per person. What v2 has no form for (segments, forms, metrics, unsubscribes, anonymous events) travels as it came.
- The members of an item (\`type\`, \`identifiers\`, \`action\` …) stand in an order of Sluice's own.
- An event without an \`id\` gets a ULID, by which Customer.io dedupes; one that is no ULID becomes one that is derived from it.
- An operation without a time gets the moment at which it was taken, since it may be delivered later.
- Identifies of one person that wait side by side arrive as one, the last value of each attribute counting.
- What preflight puts right (\`docs/preflight.md\`).
- Credentials and \`User-Agent\` are Sluice's own.
`
}

function preflightPage(): string {
  const rows = RULE_NAMES.map((name) => {
    const { checks, limit, usual, may } = ruleOf(name)
    return [
      `\`${name}\``,
      checks,
      limit === undefined ? '' : String(limit),
      usual,
      may.filter((one) => one !== usual).join(', '),
    ]
  })
  const reasons = RULE_NAMES.map((name) => {
    const { why, fix, todo, source } = ruleOf(name)
    return `- \`${name}\`: ${why}${fix ? ` Fix: ${fix}` : ''} *What to do:* ${todo} *Source:* ${source}.`
  })
  return `# Preflight

What Sluice looks at before it takes an operation, and again right before the call, made from \`src/preflight/rules.ts\`. What a
rule finds is never silent. \`warn\` lets it pass as it is, \`fix\` puts it right, and both name the rule in the header
\`X-Sluice-Warnings\` and in \`sluice trace\`. \`refuse\` answers as Customer.io does (400 with \`meta.errors\` in Track v1, 400 or a
207 with \`errors[]\` in v2; the Pipelines API answers 200 unless it is asked to be strict) and names the rule in the text and in
\`X-Sluice-Refused\`. Every finding counts at \`/metrics\` (\`sluice_preflight_findings_total\` by rule and policy).

\`sluice send --check operations.ndjson\` looks at a file and sends nothing; \`sluice explain <rule>\` shows a row.

A policy is set by its rule, in \`sluice.yaml\` or as \`SLUICE_PREFLIGHT=empty_attribute=off,similar_id=refuse\`:

\`\`\`yaml
preflight:
  empty_attribute: off
  similar_id: refuse
\`\`\`

${table(['Rule', 'Looks at', 'Limit', 'Default', 'May be'], rows)}

Limits are bytes of UTF-8 where bytes are named, else things, seconds or hours. What is at the limit passes.

## Why these defaults

What Customer.io refuses is refused here, at once and by name, instead of lying among the dead letters later. What it takes with
a 200 stays taken, and is told of. Only where there is a single possible meaning, and sending it as it is would do lasting harm,
is it put right.

${reasons.join('\n')}
`
}

function differencesPage(): string {
  const rows = Object.entries(DIFFERENCES).map(([kind, { what, why }]) => [`\`${kind}\``, what, why])
  return `# What arrives otherwise than it was said

An application that changes its host to Sluice says the same as before. Customer.io receives it with these differences and no
others, made from \`scripts/differences.ts\`; \`test/flow/differences.test.ts\` compares both, call by call and member by member.

${table(['Kind', 'What', 'Why'], rows)}

Two more come with numbers. Adjacent identifies of one person may travel as one, with the last value of each attribute and the
newest timestamp (\`delivery/coalesce.test.ts\`). A change of a segment for more than 100 people becomes several calls that together
say the same (\`test/flow/track-v1-only.test.ts\`). What is refused by a rule of \`docs/preflight.md\` does not arrive at all.
`
}

/** Every page by its path. */
export const PAGES: Readonly<Record<string, () => string | Promise<string>>> = {
  'docs/compatibility.md': compatibilityPage,
  'docs/differences.md': differencesPage,
  'docs/errors.md': errorsPage,
  'docs/notices.md': noticesPage,
  'docs/preflight.md': preflightPage,
  'docs/emulator.md': emulatorPage,
  'docs/proof.md': proofPage,
}

if (import.meta.main)
  for (const [path, page] of Object.entries(PAGES))
    writeFileSync(new URL(`../${path}`, import.meta.url), await page())
