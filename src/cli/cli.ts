/** The command line: words in, exit code out. Commands throw; here what they threw becomes text and a code. */
import { type Command, CommanderError } from 'commander'
import { didYouMean } from '../core/closest.ts'
import { SluiceError, toSluiceError } from '../core/errors.ts'
import { type Runner, toCommand, toOption } from './command.ts'
import { COMMANDS } from './commands.ts'
import { candidates } from './completion.ts'
import { failureDocument, failureText } from './failure.ts'
import type { Host, Signal } from './host.ts'
import { Job } from './job.ts'
import { Output } from './output.ts'
import { hasColour, painter } from './paint.ts'
import { type CommandSpec, GLOBAL_OPTIONS } from './spec.ts'
import { TIME_FORMS } from './time.ts'
import { version } from './version.ts'

/** 128 and the number of the signal, as shells count. */
const SIGNAL_EXIT: Readonly<Record<Signal, number>> = { SIGINT: 130, SIGTERM: 143 }

const ROOT: CommandSpec = {
  name: 'sluice',
  summary: 'The durable gateway between an application and Customer.io.',
  examples: [
    ['sluice dev', 'start everything on this machine; nothing leaves it'],
    ['sluice trigger welcome', 'send the first operations through it'],
    ['sluice status', 'see how it is'],
  ],
}

/** The whole tree of commands. `run` is what happens when one is called. */
export function program(run: Runner): Command {
  const root = toCommand({ ...ROOT, commands: COMMANDS }, run)
  root.version(version(), '--version', 'the version')
  for (const option of GLOBAL_OPTIONS) root.addOption(toOption(option))
  return root
}

/** Runs one command line (the words after `sluice`) and returns its exit code. Never throws. */
export async function run(words: readonly string[], host: Host): Promise<number> {
  const interruption = watchSignals(host)
  let server = false
  const root = program(async (spec, command) => {
    server = spec.server === true
    await execute({ spec, command, host, signal: interruption.signal })
  })
  addCompletion(root, host)
  prepare(root, host)
  try {
    await root.parseAsync(words.length === 0 ? ['--help'] : [...words], { from: 'user' })
    return server ? 0 : interruption.exitCode()
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return 0
    return (
      interruption.exitCode() ||
      tell(thrown, { json: words.includes('--json'), colour: root.opts().color, host })
    )
  } finally {
    interruption.stop()
  }
}

interface Telling {
  /** Looked for among the words: what they are may be just what is wrong. */
  readonly json: boolean
  readonly colour: unknown
  readonly host: Host
}

/** Tells the failure on stderr and returns its exit code. */
function tell(thrown: unknown, { json, colour, host }: Telling): number {
  const failure = thrown instanceof CommanderError ? usageFailure(thrown) : toSluiceError(thrown)
  const paint = painter(hasColour(host.stderr, String(colour ?? 'auto'), host.env))
  const text = json ? JSON.stringify(failureDocument(failure)) : failureText(failure, paint)
  host.stderr.write(`${text}\n`)
  return failure.row.exit
}

/** What commander says, `error: unknown option '--foo'` and below it `(Did you mean --for?)`, as an error of ours. */
function usageFailure({ code, message }: CommanderError): SluiceError {
  if (code === 'commander.help')
    return new SluiceError('bad_usage', 'This command needs one of its subcommands.')
  const [what = '', meant] = message.replace(/^error: /, '').split('\n')
  const sentence = `${what.charAt(0).toUpperCase()}${what.slice(1).replace(/\.?$/, '.')}`
  return new SluiceError('bad_usage', sentence, meant ? { hint: meant.replace(/^\((.*)\)$/, '$1') } : {})
}

interface Execution {
  readonly spec: CommandSpec
  readonly command: Command
  readonly host: Host
  readonly signal: AbortSignal
}

async function execute({ spec, command, host, signal }: Execution): Promise<void> {
  const [stray] = command.args
  if (spec.commands && stray !== undefined) throw unknownCommand(stray, spec.commands)
  const options: Record<string, unknown> = command.optsWithGlobals()
  const output = new Output(host, {
    json: options.json === true,
    quiet: options.quiet === true,
    colour: String(options.color ?? 'auto'),
    time: TIME_FORMS.find((form) => form === options.time),
  })
  await spec.run?.(new Job({ host, output, args: command.args, options, signal }))
}

/** Commander leaves it to a command that can run by itself what to make of a word that is none of its subcommands. */
function unknownCommand(word: string, commands: readonly CommandSpec[]): SluiceError {
  const names = commands.map(({ name }) => name)
  const hint = didYouMean(word, names, `There are ${names.join(', ')}.`)
  return new SluiceError('bad_usage', `Unknown command '${word}'.`, { hint })
}

/** What the scripts of `sluice completion` call. */
function addCompletion(root: Command, host: Host): void {
  root
    .command('complete', { hidden: true })
    .argument('[words...]')
    .action((words: string[]) => {
      for (const candidate of candidates(root, words)) host.stdout.write(`${candidate}\n`)
    })
}

/** Makes commander throw instead of ending the process, and write to the host's streams. */
function prepare(command: Command, host: Host): void {
  command.exitOverride().configureOutput({
    writeOut: (text) => host.stdout.write(text),
    writeErr: (text) => host.stderr.write(text),
    outputError: () => {},
    getOutHasColors: () => hasColour(host.stdout, 'auto', host.env),
    getOutHelpWidth: () => host.stdout.columns ?? 100,
    getErrHelpWidth: () => host.stderr.columns ?? 100,
  })
  for (const child of command.commands) prepare(child, host)
}

/** The first signal asks the command to finish; the second ends the process at once. */
function watchSignals(host: Host) {
  const asked = new AbortController()
  let received: Signal | undefined
  const stop = host.onSignal((signal) => {
    if (received) host.exit(SIGNAL_EXIT[signal])
    received = signal
    asked.abort()
  })
  return { signal: asked.signal, stop, exitCode: () => (received ? SIGNAL_EXIT[received] : 0) }
}
