/** Writes docs/errors.md, docs/notices.md and docs/emulator.md from their tables. A test keeps them the same. */
import { writeFileSync } from 'node:fs'
import { ERRORS } from '../src/core/errors.ts'
import { NOTICES } from '../src/core/notices.ts'
import { COVERAGE } from '../src/emulator/coverage.ts'

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
\`/metrics\`. Beside the counters stand the gauges \`sluice_operations\` by state (\`missing\` must be 0),
\`sluice_backlog_oldest_seconds\`, \`sluice_upstream_rate\`, \`sluice_upstream_in_flight\` and \`sluice_upstream_state\`.

${table(['Notice', 'Level', 'Counter', 'Meaning'], rows)}
`
}

function emulatorPage(): string {
  const rows = COVERAGE.map(({ operation, emulated, note }) => [operation, emulated, note ?? ''])
  return `# What the emulator does, and what it does not

Made from \`src/emulator/coverage.ts\`; \`sluice emulator coverage\` shows the same. A route that is not in this table answers
501. Where Customer.io's own documents leave a question open, the note says what was chosen.

${table(['Operation', 'Emulated', 'Note'], rows)}
`
}

/** Every page by its path. */
export const PAGES: Readonly<Record<string, () => string>> = {
  'docs/errors.md': errorsPage,
  'docs/notices.md': noticesPage,
  'docs/emulator.md': emulatorPage,
}

if (import.meta.main)
  for (const [path, page] of Object.entries(PAGES))
    writeFileSync(new URL(`../${path}`, import.meta.url), page())
