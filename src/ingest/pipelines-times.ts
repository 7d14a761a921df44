/**
 * Dates of the Pipelines API as the unix seconds that the Track API takes. Customer.io converts every ISO 8601 text among
 * traits and properties, in objects within them too, and leaves lists as they are. Pure.
 */
import { unixSeconds } from '../core/unix-time.ts'

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
