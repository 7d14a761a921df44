/** `sluice completion`: a script for the shell, which asks this program what could come next. */
import type { Command, Option } from 'commander'
import { SluiceError } from '../core/errors.ts'
import type { Job } from './job.ts'
import type { CommandSpec } from './spec.ts'

/** The words so far come after `--`; the last one is the one being typed. */
const SCRIPTS: Readonly<Record<string, string>> = {
  bash: `_sluice() {
  local IFS=$'\\n'
  COMPREPLY=($(sluice complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _sluice sluice`,
  zsh: `#compdef sluice
_sluice() {
  local -a found
  found=(\${(f)"$(sluice complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)"})
  compadd -a found || _files
}
compdef _sluice sluice`,
  fish: `complete -c sluice -f -a '(sluice complete -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'`,
}

const INSTALL: Readonly<Record<string, string>> = {
  bash: 'eval "$(sluice completion bash)"    in ~/.bashrc',
  zsh: 'eval "$(sluice completion zsh)"     in ~/.zshrc, after compinit',
  fish: 'sluice completion fish | source    in ~/.config/fish/config.fish',
}

export const completion: CommandSpec = {
  name: 'completion',
  group: 'Help:',
  summary: 'Completion of commands, options and their values for bash, zsh and fish.',
  args: [['[shell]', 'bash, zsh or fish; without it, the one that $SHELL names']],
  examples: [
    ['eval "$(sluice completion bash)"', 'for this shell'],
    ['sluice completion fish | source', 'for this shell'],
  ],
  run: async (job) => printScript(job),
}

function printScript({ output, args, host }: Job): void {
  const shell = args[0] ?? host.env.SHELL?.split('/').at(-1) ?? ''
  const script = SCRIPTS[shell]
  if (script === undefined)
    throw new SluiceError('bad_usage', `There is no completion for "${shell}".`, {
      hint: 'Name bash, zsh or fish.',
    })
  if (output.json) output.document({ shell, script })
  else for (const line of script.split('\n')) output.line(line)
  output.note(`To have it always:  ${INSTALL[shell]}`)
}

/** What may stand in the place of the last word: subcommands, options, or the values of the option before it. */
export function candidates(root: Command, words: readonly string[]): string[] {
  const typed = words.at(-1) ?? ''
  const before = words.slice(0, -1)
  let command = root
  for (const word of before) command = command.commands.find((child) => child.name() === word) ?? command
  const options = [...command.options, ...(command === root ? [] : root.options)]
  const open = options.find((option) => takesValue(option) && isCalled(option, before.at(-1)))
  const visible = command.createHelp().visibleCommands(command)
  const found = open
    ? (open.argChoices ?? [])
    : typed.startsWith('-')
      ? options.flatMap(({ long }) => long ?? [])
      : visible.map((child) => child.name())
  return found.filter((candidate) => candidate.startsWith(typed))
}

const takesValue = (option: Option) => option.required || option.optional
const isCalled = ({ short, long }: Option, word: string | undefined) =>
  word !== undefined && (word === short || word === long)
