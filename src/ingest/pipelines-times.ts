/**
 * Dates of the Pipelines API as the unix seconds that the Track API takes. Customer.io converts every ISO 8601 text among
 * traits and properties, in objects within them too, and leaves lists as they are. Pure.
 */

const ISO = /^(\d{4}-\d{2}-\d{2})(?:T(\d{2}:\d{2})(?::(\d{2})(?:\.\d{1,9})?)?(?:Z|([+-]\d{2}):?(\d{2}))?)?$/

/** Whole seconds since 1970; undefined for what is no date. One without a zone is taken as UTC. */
export function unixSeconds(text: string): number | undefined {
  const [, date, time = '00:00', seconds = '00', hours = '+00', minutes = '00'] = ISO.exec(text) ?? []
  if (date === undefined) return undefined
  const ms = Date.parse(`${date}T${time}:${seconds}${hours}:${minutes}`)
  return Number.isNaN(ms) ? undefined : ms / 1000
}

/** A string, or a mark that tells where in the JSON text it stands. */
const TOKEN = /"(?:[^"\\]+|\\.)*"|[{}[\],:]/g
const MAY_HOLD_DATE = /"\d{4}-\d{2}-\d{2}/

/** The text of a JSON object with its dates as numbers and all else as it came. One pass, however deep it is nested. */
export function withUnixTimes(json: string): string {
  if (!MAY_HOLD_DATE.test(json)) return json
  let lists = 0
  let isMember = false
  return json.replace(TOKEN, (token) => {
    if (token === '[') lists += 1
    if (token === ']') lists -= 1
    const seconds = isMember && lists === 0 ? unixSeconds(token.slice(1, -1)) : undefined
    isMember = token === ':'
    return seconds === undefined ? token : String(seconds)
  })
}
