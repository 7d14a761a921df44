/** What a command says: data on stdout, everything else on stderr. The only place in the commands that writes. */
import type { Clock } from '../core/clock.ts'
import type { Host, OutStream } from './host.ts'
import { hasColour, OWN_ESCAPE, type Paint, painter } from './paint.ts'
import { clockText, instantText, type TimeForm } from './time.ts'
import { visible } from './visible.ts'

export interface OutputOptions {
  readonly json: boolean
  readonly quiet: boolean
  readonly colour: string
  readonly time: TimeForm | undefined
}

/** Fields that hold milliseconds since 1970 on the admin API, and RFC 3339 text in the output of the commands. */
const INSTANTS = new Set(['at', 'receivedAt', 'endedAt', 'firstAt', 'lastAt', 'applied_at'])

const toJson = (value: unknown): string =>
  JSON.stringify(value, (key, member: unknown) =>
    INSTANTS.has(key) && typeof member === 'number' ? new Date(member).toISOString() : member,
  )

export class Output {
  readonly json: boolean
  readonly quiet: boolean
  /** For stdout and for stderr. */
  readonly paint: Paint
  readonly paintNote: Paint
  /** Lines may be redrawn: a person looks at stderr, and it is no build log. */
  readonly animated: boolean
  /** A person looks at stdout. */
  readonly live: boolean
  readonly #out: OutStream
  readonly #err: OutStream
  readonly #clock: Clock
  /** As --time says, if it was given. */
  readonly #time: TimeForm | undefined

  constructor(host: Host, options: OutputOptions) {
    this.#out = host.stdout
    this.#err = host.stderr
    this.#clock = host.clock
    this.json = options.json
    this.quiet = options.quiet
    this.paint = painter(hasColour(host.stdout, options.colour, host.env))
    this.paintNote = painter(hasColour(host.stderr, options.colour, host.env))
    this.live = host.stdout.isTTY === true && !options.json
    this.animated = host.stderr.isTTY === true && !host.env.CI && !isAgent(host.env) && !options.quiet
    this.#time = options.time
  }

  /** One line of data. */
  line(text: string): void {
    this.#out.write(`${visible(text)}\n`)
  }

  /** One JSON document, on one line; of a stream, one of many. */
  document(value: unknown): void {
    this.line(toJson(value))
  }

  /** A list: rows for people, one document for programs. */
  list(data: readonly unknown[], rows: () => readonly string[]): void {
    if (this.json) this.document({ data, next_cursor: null })
    else for (const row of rows()) this.line(row)
  }

  /** A message for the person at the terminal; --quiet silences it. */
  note(text: string): void {
    if (!this.quiet) this.#err.write(`${visible(text)}\n`)
  }

  /** A message that --quiet does not silence. */
  problem(text: string): void {
    this.#err.write(`${visible(text)}\n`)
  }

  /** Draws over the last line of stderr, which must be a terminal. */
  redraw(text: string): void {
    this.#err.write(`\r\u001b[2K${visible(text).slice(0, (this.#err.columns ?? 80) - 1)}`)
  }

  /** Clears the screen of stdout, for --watch. */
  clear(): void {
    if (this.live) this.#out.write('\u001b[2J\u001b[H')
  }

  /** Of a list: its age where a person looks on. */
  instant(at: number): string {
    return this.#text(at, this.live ? 'relative' : 'iso')
  }

  /** Of a story, where moments are compared: to the millisecond. */
  moment(at: number): string {
    return this.#text(at, 'iso')
  }

  /** Of what happens now: the time of day where a person looks on. A file may be read on another day. */
  stamp(at: number): string {
    return this.live && this.#time === undefined ? clockText(at) : this.moment(at)
  }

  #text(at: number, usual: TimeForm): string {
    return instantText(at, this.#time ?? usual, this.#clock.now())
  }
}

/** Programs that read a terminal: they get no animation. The data is the same for all. */
const isAgent = (env: Host['env']): boolean =>
  ['CLAUDECODE', 'CURSOR_AGENT', 'GEMINI_CLI', 'CODEX_SANDBOX'].some((name) => Boolean(env[name]))

/** `1 letter`, `2 letters`. */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`

const COLOURS = new RegExp(`${OWN_ESCAPE}\\[[0-9;]*m`, 'g')
const width = (cell: string) => cell.replace(COLOURS, '').length

/** Rows in columns, two spaces apart; the last column is not padded. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = []
  for (const row of rows)
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, width(cell))
  return rows.map((row) =>
    row
      .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - width(cell)))
      .join('  ')
      .trimEnd(),
  )
}
