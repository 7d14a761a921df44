/** Instants and spans as people write and read them. */
import { datedMs } from '../core/unix-time.ts'
import { parseDuration } from '../settings.ts'

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
] as const

/** A span in its two largest units: `3 d 4 h`, `12 m`, `1.3 s`, `41 ms`. */
export function spanText(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`
  const parts: string[] = []
  let rest = ms
  for (const [unit, size] of UNITS) {
    const count = Math.floor(rest / size)
    if (count > 0) parts.push(`${count} ${unit}`)
    else if (parts.length > 0) break
    rest -= count * size
  }
  return parts.slice(0, 2).join(' ')
}

/** `15m` (that long ago), or an instant such as 2026-11-24T09:00Z; as milliseconds since 1970. Undefined for anything else. */
export function parseInstant(text: string, now: number): number | undefined {
  const ago = parseDuration(text)
  if (ago !== undefined && /[a-z]$/i.test(text)) return now - ago
  return datedMs(text)
}

export const TIME_FORMS = ['relative', 'iso', 'unix'] as const
export type TimeForm = (typeof TIME_FORMS)[number]

/** An instant in the form that was chosen. */
export function instantText(at: number, form: TimeForm, now: number): string {
  if (form === 'unix') return (at / 1000).toFixed(3)
  if (form === 'iso') return new Date(at).toISOString()
  return at > now ? `in ${spanText(at - now)}` : `${spanText(now - at)} ago`
}

/** The time of day in UTC, as all instants are written: 09:14:02Z. */
export const clockText = (at: number): string => `${new Date(at).toISOString().slice(11, 19)}Z`
