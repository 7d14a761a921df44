/** One run of a command: its words and options, read with their types, and what it may use of the machine. */
import { type Config, DEV_DEFAULTS, type Loaded, loadConfig } from '../config.ts'
import { SluiceError } from '../core/errors.ts'
import { type Known, parseDuration } from '../settings.ts'
import type { Host } from './host.ts'
import type { Output } from './output.ts'
import { parseInstant } from './time.ts'

export interface JobOptions {
  readonly host: Host
  readonly output: Output
  readonly args: readonly string[]
  /** As commander leaves them: text, true, or a list of texts, by camel-case name. */
  readonly options: Known
  /** Aborts at the first ^C or SIGTERM. */
  readonly signal: AbortSignal
}

const DEFAULT_TIMEOUT_MS = 30_000

export class Job {
  readonly host: Host
  readonly output: Output
  readonly args: readonly string[]
  readonly signal: AbortSignal
  readonly #options: Known

  constructor({ host, output, args, options, signal }: JobOptions) {
    this.host = host
    this.output = output
    this.args = args
    this.signal = signal
    this.#options = options
  }

  /** The settings as a command sees them that talks to a running Sluice: the credentials are `dev` unless set. */
  async config(): Promise<Config> {
    return (await this.load(DEV_DEFAULTS)).config
  }

  /** The settings with where they came from, over these defaults. */
  load(defaults: Readonly<Record<string, string>> = {}): Promise<Loaded> {
    const { env, cwd } = this.host
    return loadConfig({ flags: this.#options, env, cwd, defaults })
  }

  flag(name: string): boolean {
    return this.#options[name] === true
  }

  text(name: string): string | undefined {
    const value = this.#options[name]
    return typeof value === 'string' ? value : undefined
  }

  /** All values of an option that may be repeated. */
  texts(name: string): readonly string[] {
    const value = this.#options[name]
    return Array.isArray(value) ? value.map(String) : []
  }

  /** The items of an option that takes a list joined by commas. */
  items(name: string): readonly string[] {
    return (this.text(name) ?? '').split(',').flatMap((item) => item.trim() || [])
  }

  /** A whole number, at least `min`. Throws `bad_usage`. */
  count(name: string, min = 0): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    if (!/^\d+$/.test(text) || Number(text) < min) throw badOption(name, `a whole number from ${min}`, text)
    return Number(text)
  }

  /** Milliseconds. Throws `bad_usage`. */
  duration(name: string): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const ms = parseDuration(text)
    if (ms === undefined) throw badOption(name, 'a duration such as 500ms, 30s or 15m', text)
    return ms
  }

  /** Milliseconds since 1970. Throws `bad_usage`. */
  instant(name: string): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const at = parseInstant(text, this.host.clock.now())
    if (at === undefined)
      throw badOption(name, 'a span back from now such as 15m, or an instant such as 2026-11-24T09:00Z', text)
    return at
  }

  /** How long to wait for an answer, or for what --wait waits for; milliseconds. */
  get timeoutMs(): number {
    return this.duration('timeout') ?? DEFAULT_TIMEOUT_MS
  }

  /** An argument that the command cannot do without, where only some of its uses can. */
  arg(index: number, name: string): string {
    const found = this.args[index]
    if (found === undefined) throw new SluiceError('bad_usage', `<${name}> is missing.`)
    return found
  }

  /**
   * Asks y/N on stderr, since stdout may be a file, before something that cannot be taken back. Without a person at the
   * terminal it throws `bad_usage`, which names the flag that stands for the answer.
   */
  async confirm(question: string): Promise<boolean> {
    if (this.flag('yes')) return true
    const { stdin, stderr } = this.host
    if (!stdin.isTTY || !stderr.isTTY || this.#options.input === false || this.output.json)
      throw new SluiceError('bad_usage', `${question} Nobody is there to answer.`, {
        hint: 'Give --yes to say yes, or --dry-run to see what would be done.',
      })
    const { confirm, isCancel } = await import('@clack/prompts')
    const answer = await confirm({ message: question, initialValue: false, output: process.stderr })
    return !isCancel(answer) && answer
  }
}

const badOption = (name: string, expected: string, text: string): SluiceError =>
  new SluiceError('bad_usage', `--${kebab(name)} must be ${expected}; you gave "${text}".`)

const kebab = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
