/** What a command is, as data. Help, docs/cli.md, completion and commander's view of it are all made from this. */
import type { SettingName } from '../settings.ts'
import type { Job } from './job.ts'

export interface CommandSpec {
  readonly name: string
  /** One line for lists; the first of its help. */
  readonly summary: string
  /** What else there is to know, below the summary. */
  readonly about?: string
  /** Under which heading the help of `sluice` lists it. */
  readonly group?: string
  /** `<needed>`, `[optional]`, with what it is. */
  readonly args?: readonly (readonly [syntax: string, about: string])[]
  readonly options?: readonly OptionSpec[]
  /** The settings whose flags it takes. */
  readonly settings?: readonly SettingName[]
  /** Shown first in its help: a command line, and what it does. */
  readonly examples: readonly (readonly [line: string, about: string])[]
  readonly run?: (job: Job) => Promise<void>
  readonly commands?: readonly CommandSpec[]
  /** It runs until a signal stops it, which is then no failure: exit code 0. */
  readonly server?: true
  /** Left out of help and docs. */
  readonly hidden?: true
}

export interface OptionSpec {
  readonly flags: string
  readonly about: string
  readonly choices?: readonly string[]
  /** Said in help; the command itself applies it. */
  readonly usually?: string
  /** May be given more than once; the values make a list. */
  readonly repeat?: true
}

/** Every command takes these, before or after its name. */
export const GLOBAL_OPTIONS: readonly OptionSpec[] = [
  { flags: '--json', about: 'JSON on stdout: one document, or one per line of a stream' },
  { flags: '-q, --quiet', about: 'no messages on stderr but errors' },
  { flags: '--color <when>', about: 'colour', choices: ['auto', 'always', 'never'], usually: 'auto' },
  {
    flags: '--time <form>',
    about: 'how instants are written, in UTC',
    choices: ['relative', 'iso', 'unix'],
    usually: 'relative on a terminal, else iso',
  },
  { flags: '--timeout <duration>', about: 'how long to wait for an answer', usually: '30s' },
  { flags: '--no-input', about: 'never ask: fail, naming the flag that is missing' },
  { flags: '--config <path>', about: 'the configuration file (env SLUICE_CONFIG)', usually: './sluice.yaml' },
]

/** Of commands that change something for good. */
export const YES: OptionSpec = { flags: '-y, --yes', about: 'do not ask before doing it' }
export const DRY_RUN: OptionSpec = { flags: '-n, --dry-run', about: 'say what would be done, and do nothing' }

/** The settings of every command that talks to a running Sluice, and to its emulator. */
export const CLIENT_SETTINGS = ['url'] as const
export const EMULATOR_SETTINGS = ['emulatorUrl'] as const
