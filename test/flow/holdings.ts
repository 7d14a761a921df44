/** What an emulated Customer.io holds, without the moments at which it came to: to compare two ways of saying the same. */
import type { Emulator } from '../../src/emulator/emulator.ts'

export async function holdings(emulator: Emulator) {
  const people = emulator
    .people()
    .map(({ key, id, email, attributes, devices, anonymous_ids, segments, relationships }) => ({
      key,
      id,
      email,
      attributes,
      devices: devices.map(({ id: token, platform, attributes: more }) => ({ token, platform, more })),
      anonymous_ids,
      segments,
      relationships,
    }))
  const events = emulator.events().map(({ name, type, person, data }) => ({ name, type, person, data }))
  const objects = await (await fetch(`${emulator.url}/_emulator/objects`)).json()
  const order = (one: object, other: object) => JSON.stringify(one).localeCompare(JSON.stringify(other))
  return { people: people.sort(order), events: events.sort(order), objects: withoutTimes(objects) }
}

/** Names of members that say when something happened. */
const TIMES = /(_at|timestamps?|seq|cio_object_id|cio_id)$/

function withoutTimes(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutTimes)
  if (typeof value !== 'object' || value === null) return value
  const kept = Object.entries(value).filter(([name]) => !TIMES.test(name))
  return Object.fromEntries(kept.map(([name, member]) => [name, withoutTimes(member)]))
}
