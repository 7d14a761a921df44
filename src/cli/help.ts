/** How help is laid out: what it is and examples first, then commands, then options. */
import type { Command, Help } from 'commander'
import type { CommandSpec } from './spec.ts'

/** The part of a command's help that is ours: what it does, and command lines to copy. */
export function helpHead({ summary, about, examples }: CommandSpec): string {
  const widest = Math.max(0, ...examples.map(([line]) => line.length))
  const lines = examples.map(([line, meaning]) => `  $ ${line.padEnd(widest)}   ${meaning}`)
  return `${about ? `${summary}\n${about}` : summary}\n\nExamples:\n${lines.join('\n')}\n`
}

/** Commander's own parts in another order: it lists options before commands. */
export function formatHelp(command: Command, help: Help): string {
  const width = help.padWidth(command, help)
  const item = (term: string, text: string) => help.formatItem(term, width, text, help)
  const section = (title: string, items: readonly string[]) =>
    items.length === 0 ? [] : ['', help.styleTitle(title), ...items]
  const commands = Map.groupBy(help.visibleCommands(command), (child) => child.helpGroup() || 'Commands:')
  return [
    `${help.styleTitle('Usage:')} ${help.commandUsage(command)}`,
    ...section(
      'Arguments:',
      help
        .visibleArguments(command)
        .map((argument) => item(help.argumentTerm(argument), help.argumentDescription(argument))),
    ),
    ...[...commands].flatMap(([title, children]) =>
      section(
        title,
        children.map((child) => item(child.name(), help.subcommandDescription(child))),
      ),
    ),
    ...section(
      'Options:',
      help
        .visibleOptions(command)
        .map((option) => item(help.optionTerm(option), help.optionDescription(option))),
    ),
    ...section(
      'Options of every command:',
      help
        .visibleGlobalOptions(command)
        .map((option) => item(help.optionTerm(option), help.optionDescription(option))),
    ),
    '',
  ].join('\n')
}
