/** Retry-After (RFC 9110, 10.2.3): seconds or an HTTP date. */

/** The longest that we let anybody hold us back: 15 minutes. */
const MAX_MS = 15 * 60_000

/** Milliseconds to wait, between 0 and 15 minutes; undefined when the header is absent or is neither form. */
export function parseRetryAfter(header: string | undefined, now: number): number | undefined {
  const text = header?.trim()
  if (!text) return undefined
  const ms = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(0, ms), MAX_MS)
}
