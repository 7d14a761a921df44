/** Log lines: JSON by pino, or lines for people. Values cannot forge lines: JSON escapes them, and so does the pretty form. */
import { type DestinationStream, type Logger, pino } from 'pino'

export interface LogOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent'
  readonly format: 'json' | 'pretty'
  /** Where lines go: stderr, since stdout belongs to data. */
  readonly write: (line: string) => void
}

/** What never stands in a log line, wherever it turns up. */
const SECRETS = ['authorization', 'apiKey', 'appApiKey', 'adminToken', 'password', 'token']

export function createLog({ level, format, write }: LogOptions): Logger {
  const stream: DestinationStream = { write: (line) => write(format === 'json' ? line : prettyLine(line)) }
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: SECRETS.flatMap((name) => [name, `*.${name}`]), censor: '[redacted]' },
    },
    stream,
  )
}

/** `09:14:02 warn delivery.dead id=… code=…`: pino's own line, taken apart again. */
export function prettyLine(line: string): string {
  const parsed: Readonly<Record<string, unknown>> = JSON.parse(line)
  const { level, time, msg, ...fields } = parsed
  const clock = String(time).slice(11, 19)
  const said = Object.entries(fields).map(([name, value]) => `${name}=${plain(value)}`)
  return `${[clock, String(level).padEnd(5), msg, ...said].join(' ')}\n`
}

/** A value in one piece: text with spaces or control characters (a forged line, a terminal escape) is quoted and escaped. */
function plain(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  if (/^[\x21\x23-\x7e\u00a0-\u{10ffff}]+$/u.test(text) && !/[\u2028\u2029]/.test(text)) return text
  return JSON.stringify(text).replace(
    /[\x7f-\x9f\u2028\u2029]/g,
    (odd) => `\\u${odd.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
