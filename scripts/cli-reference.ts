/** Writes docs/cli.md from the commands themselves: `node scripts/cli-reference.ts`. A test keeps the two the same. */
import { writeFileSync } from 'node:fs'
import { toCommand, toOption } from '../src/cli/command.ts'
import { COMMANDS } from '../src/cli/commands.ts'
import { type CommandSpec, GLOBAL_OPTIONS } from '../src/cli/spec.ts'
import { ERRORS } from '../src/core/errors.ts'
import { SETTING_NAMES, settingOf, twinsOf } from '../src/settings.ts'

const HEAD = `# The command line

This page is made from the commands themselves (\`scripts/cli-reference.ts\`).

Data goes to stdout; messages, progress, warnings and errors go to stderr. \`--json\` gives one JSON document, a stream
gives one a line, and a list is \`{"data":[…],"next_cursor":null}\`. Instants are RFC 3339 in UTC, and one that you
give without a zone is taken so; durations in seconds, unless a field's name ends in \`ms\` or \`Ms\`. Fields may be added, never taken away or changed. The text for people is no
interface. An error with \`--json\` is one document on stderr: \`{"error":true,"code","message","details","hint","retryable"}\`.

Colour is decided for each stream: off where it is no terminal, with \`NO_COLOR\` or \`TERM=dumb\`; on with \`FORCE_COLOR\`;
\`--color\` goes before all. Nothing is redrawn where stderr is no terminal or \`CI\` is set. The first ^C asks a command to
finish, the second ends it at once. No command sends anything anywhere but to the gateway, the emulator, a Kafka that is
configured and, from \`doctor\` and a gateway that is not \`dev\`, to Customer.io.
`

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('\n', ' ')
const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
const table = (head: readonly string[], rows: readonly (readonly string[])[]) =>
  [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n')

/** The whole page. */
export function cliReference(): string {
  const parts = [HEAD, '## Exit codes\n', exitCodes(), '\n## Options of every command\n', globalOptions()]
  for (const command of COMMANDS) parts.push(...commandPages(command, 'sluice'))
  parts.push('\n## Settings\n', SETTINGS_HEAD, settings(), '')
  return parts.join('\n')
}

const FIXED_CODES = [
  ['0', 'It went well; a server was asked to stop and did.'],
  ['130', '^C (SIGINT) ended it before it was done.'],
  ['143', 'SIGTERM ended it before it was done.'],
] as const

function exitCodes(): string {
  const codes = new Map<number, string[]>()
  for (const [code, { exit }] of Object.entries(ERRORS))
    codes.set(exit, [...(codes.get(exit) ?? []), `\`${code}\``])
  const rows = [...codes].map(([exit, names]) => [String(exit), names.join(', ')])
  return table(
    ['Exit', 'When'],
    [...FIXED_CODES, ...rows].toSorted(([a = ''], [b = '']) => Number(a) - Number(b)),
  )
}

const globalOptions = () =>
  table(
    ['Option', 'What'],
    GLOBAL_OPTIONS.map(toOption).map(({ flags, description, argChoices }) => [
      `\`${flags}\``,
      cell(argChoices ? `${description}: ${argChoices.join(', ')}` : description),
    ]),
  )

function commandPages(spec: CommandSpec, above: string): string[] {
  const name = `${above} ${spec.name}`
  const command = toCommand(spec, async () => {})
  const depth = name.split(' ').length
  const parts = [`\n${'#'.repeat(Math.min(depth, 4))} ${name}\n`, cell(spec.summary)]
  if (spec.about) parts.push(cell(spec.about))
  parts.push('', '```sh', ...spec.examples.map(([line, meaning]) => `${line}  # ${meaning}`), '```')
  if (spec.run) parts.push(`\nUsage: \`${name}${usage(spec)}\`\n`)
  const rows = [
    ...command.registeredArguments.map((argument) => [`\`${argument.name()}\``, cell(argument.description)]),
    ...command.options.map(({ flags, description, argChoices }) => [
      `\`${cell(flags).replaceAll('&lt;', '<')}\``,
      cell(argChoices ? `${description}: ${argChoices.join(', ')}` : description),
    ]),
  ]
  if (rows.length > 0) parts.push(table(['Argument or option', 'What'], rows))
  for (const child of spec.commands ?? []) if (!child.hidden) parts.push(...commandPages(child, name))
  return parts
}

const usage = ({ args = [], options = [], settings: flags = [] }: CommandSpec) =>
  [...args.map(([syntax]) => ` ${syntax}`), options.length + flags.length > 0 ? ' [options]' : ''].join('')

const SETTINGS_HEAD = `A flag goes before the environment, the environment before \`sluice.yaml\` in the working directory (or the file that
\`--config\` or \`SLUICE_CONFIG\` names), the file before the default. Every secret may also lie in a file that its variable
with \`_FILE\` at the end names. \`sluice config show --origin\` shows what is in force, and why.
`

const settings = () =>
  table(
    ['sluice.yaml', 'Environment', 'Flag', 'Must be', 'Default', 'What'],
    SETTING_NAMES.map((name) => {
      const { yaml, flag, kind, fallback, about, secret } = settingOf(name)
      const usual = typeof fallback === 'string' ? `\`${fallback}\`` : ''
      const twins = twinsOf(name).map((twin) => `\`${twin}\``)
      return [
        `\`${yaml}\``,
        twins.join(', '),
        flag ? `\`${flag}\`` : '',
        cell(kind.is),
        usual,
        cell(secret ? `${about} A secret.` : about),
      ]
    }),
  )

if (import.meta.main) {
  writeFileSync(new URL('../docs/cli.md', import.meta.url), cliReference())
  process.stderr.write('docs/cli.md written\n')
}
