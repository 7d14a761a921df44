/** Moments as Customer.io counts them, whole seconds since 1970, and as people write them. Pure. */

/**
 * The year 5138. As milliseconds the same number is a day in 1973, so that a number beyond it was not meant as seconds.
 * Customer.io's own Ruby client draws the line at the same place.
 */
export const MOST_SECONDS = 100_000_000_000

/** A number that was meant as milli-, micro- or nanoseconds, as whole seconds. */
export function inSeconds(time: number): number {
  let seconds = time
  while (seconds >= MOST_SECONDS) seconds /= 1000
  return Math.floor(seconds)
}

const ISO = /^(\d{4}-\d{2}-\d{2})(?:T(\d{2}:\d{2})(?::(\d{2})(\.\d{1,9})?)?(?:Z|([+-]\d{2}):?(\d{2}))?)?$/

/** Whole seconds since 1970 of an ISO 8601 text; undefined for what is no date. */
export function unixSeconds(text: string): number | undefined {
  const ms = isoMs(text)
  return ms === undefined ? undefined : Math.floor(ms / 1000)
}

/** Milliseconds since 1970 of what a person wrote: a space may stand for the T, and small letters do (RFC 3339, 5.6). */
export function datedMs(text: string): number | undefined {
  const day = isoMs(text.slice(0, 10))
  // To `Date.parse` the 30th of February is the second of March.
  const isDay = day !== undefined && text.startsWith(new Date(day).toISOString().slice(0, 10))
  return isDay ? isoMs(text.toUpperCase().replace(' ', 'T')) : undefined
}

/** One without a zone is UTC, as all that Sluice prints: to `Date.parse` it is so of a bare date, and of a time it is not. */
function isoMs(text: string): number | undefined {
  const [, date, time = '00:00', seconds = '00', part = '', hours = '+00', minutes = '00'] =
    ISO.exec(text) ?? []
  if (date === undefined) return undefined
  const ms = Date.parse(`${date}T${time}:${seconds}${part}${hours}:${minutes}`)
  return Number.isNaN(ms) ? undefined : ms
}
