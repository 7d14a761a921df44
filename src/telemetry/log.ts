/** Log lines: JSON by pino, or lines for people. Values can neither forge a line nor speak to a terminal, in either form. */
import { type DestinationStream, type Logger, pino } from 'pino'

export interface LogOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent'
  readonly format: 'json' | 'pretty'
  /** Where lines go: stderr, since stdout belongs to data. */
  readonly write: (line: string) => void
}

export function createLog({ level, format, write }: LogOptions): Logger {
  const form = format === 'json' ? escapeOdd : prettyLine
  const stream: DestinationStream = { write: (line) => write(form(line)) }
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: writable },
    },
    stream,
  )
}

/** To stderr. A line that cannot be written there is lost, as with `console`: a full disk must not end whoever tells of it. */
export function toStderr(line: string): void {
  const { stderr } = process
  if (!stderr.listeners('error').includes(unheard)) stderr.on('error', unheard)
  stderr.write(line)
}

const unheard = () => {}

/** What never stands in a log line: fields of such a name, whatever the case and the prefix (`X-API-Key`, `adminToken`) … */
const SECRET_NAME = /(authorization|cookie|password|secret|token|(api|write|signing)[-_]?key)$/i
/** … and, within a text, what follows Basic or Bearer, and what stands before the @ of an address. */
const SECRET_TEXT = /\b(basic|bearer)\s+[\w+/=.~-]+|(?<=:\/\/)[^\s/@]+(?=@)/gi
const CENSOR = '[redacted]'

/** The names that a line has of its own: a field called so would stand in it twice, and the reader takes the last. */
const OWN_NAMES = new Set(['level', 'time', 'msg'])

/** Longer values are cut: a line is to be read, and an id of a megabyte says no more than its beginning. */
const LONGEST = 2_000

/** The fields as they may be written. They are flat (core/notices.ts), so nothing is looked for deeper down. */
function writable(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      OWN_NAMES.has(name) ? `${name}_` : name,
      SECRET_NAME.test(name) ? CENSOR : typeof value === 'string' ? writableText(value) : value,
    ]),
  )
}

function writableText(text: string): string {
  const short = text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text
  return short.replace(SECRET_TEXT, CENSOR)
}

/** `09:14:02Z warn  delivery.dead id=… code=…`: pino's own line, taken apart again. */
export function prettyLine(line: string): string {
  const parsed: Readonly<Record<string, unknown>> = JSON.parse(line)
  const { level, time, msg, ...fields } = parsed
  const clock = `${String(time).slice(11, 19)}Z`
  const said = Object.entries(fields).map(([name, value]) => `${plain(name)}=${plain(value)}`)
  return `${[clock, String(level).padEnd(5), plain(msg), ...said].join(' ')}\n`
}

/** A value in one piece: text with spaces, quotes or control characters is quoted and escaped. */
function plain(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return escapeOdd(/^[\x21\x23-\x7e\u00a0-\u{10ffff}]+$/u.test(text) ? text : JSON.stringify(text))
}

/**
 * JSON leaves these as they are: C1 controls (some terminals obey U+009B as they do ESC [), the line ends of Unicode,
 * marks that turn the direction of writing, and what has no width.
 */
function escapeOdd(text: string): string {
  return text.replace(
    /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    (odd) => `\\u${odd.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
