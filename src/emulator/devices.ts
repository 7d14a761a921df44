/** The devices of a person. */
import { identifiersIn } from './identifiers.ts'
import { type Item, partMap, scalarText, textsOf } from './item.ts'
import type { Device } from './person.ts'
import { findPerson, reachPerson, record, type State } from './state.ts'

/** Adds or updates a device; like an event, it creates a person who is not known. */
export function addDevice(state: State, item: Item, at: number): void {
  const [identifier] = identifiersIn(item, 'identifiers')
  const person = identifier && reachPerson(state, identifier, at)
  if (person === undefined) return
  const device = deviceIn(item, at)
  person.devices.set(device.id, device)
  const text = JSON.stringify({ action: 'add', device_id: device.id, platform: device.platform })
  record(state, person, { type: 'device_change', at, text })
}

export function deleteDevice(state: State, item: Item, at: number): void {
  const [identifier] = identifiersIn(item, 'identifiers')
  const person = identifier && findPerson(state, identifier)
  const id = scalarText(partMap(item, 'device').get('token') ?? '')
  if (person === undefined || !person.devices.delete(id)) return
  record(state, person, {
    type: 'device_change',
    at,
    text: JSON.stringify({ action: 'delete', device_id: id }),
  })
}

const KNOWN = new Set(['token', 'platform', 'last_used', 'attributes'])

/** Python and Ruby clients put attributes beside `platform` instead of under `attributes`; both are taken. */
function deviceIn(item: Item, at: number): Device {
  const members = partMap(item, 'device')
  const attributes = textsOf(members.get('attributes'))
  for (const [name, text] of members) if (!KNOWN.has(name)) attributes.set(name, text)
  const lastUsed = scalarText(members.get('last_used') ?? '')
  return {
    id: scalarText(members.get('token') ?? ''),
    platform: scalarText(members.get('platform') ?? ''),
    lastUsed: lastUsed === '' || lastUsed === 'null' ? Math.floor(at / 1000) : Number(lastUsed),
    attributes,
  }
}
