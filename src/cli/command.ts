/** Commander's view of a command. */
import { Argument, Command, Option } from 'commander'
import { type SettingName, settingOf, twinsOf } from '../settings.ts'
import { formatHelp, helpHead } from './help.ts'
import type { CommandSpec, OptionSpec } from './spec.ts'

export type Runner = (spec: CommandSpec, command: Command) => Promise<void>

export function toCommand(spec: CommandSpec, run: Runner): Command {
  const command = new Command(spec.name).summary(spec.summary).addHelpText('before', () => helpHead(spec))
  command.configureHelp({ showGlobalOptions: true, formatHelp })
  if (spec.group) command.helpGroup(spec.group)
  for (const [syntax, about] of spec.args ?? []) command.addArgument(new Argument(syntax, about))
  for (const option of spec.options ?? []) command.addOption(toOption(option))
  for (const name of spec.settings ?? []) command.addOption(settingOption(name))
  for (const child of spec.commands ?? [])
    command.addCommand(toCommand(child, run), { hidden: child.hidden === true })
  if (spec.commands) command.helpCommand(false).allowExcessArguments(spec.run !== undefined)
  if (spec.run) command.action(() => run(spec, command))
  return command
}

export function toOption({ flags, about, choices, usually, repeat }: OptionSpec): Option {
  const option = new Option(flags, usually ? `${about} (default ${usually})` : about)
  if (choices) option.choices(choices)
  if (repeat) option.argParser((value: string, before: readonly string[] = []) => [...before, value])
  return option
}

/** The flag of a setting, with its environment twin and its default, as the table of settings has them. */
function settingOption(name: SettingName): Option {
  const { flag, about, fallback } = settingOf(name)
  const usual = typeof fallback === 'string' ? `, default ${fallback}` : ''
  const sentence = about.replace(/\.$/, '')
  const words = `${sentence.charAt(0).toLowerCase()}${sentence.slice(1)}`
  return new Option(flag ?? '', `${words} (env ${twinsOf(name)[0]}${usual})`)
}
