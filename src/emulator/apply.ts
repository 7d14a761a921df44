/** One item takes effect on the state. No input or output, no clock: the same items give the same state again. */
import { plainText } from '../core/json.ts'
import { recordMetric } from './deliveries.ts'
import { addDevice, deleteDevice } from './devices.ts'
import { recordEvent } from './events.ts'
import { createExport } from './exports.ts'
import { identify } from './identify.ts'
import type { Item } from './item.ts'
import { deleteObject, identifyObject } from './objects.ts'
import { deletePerson, mergePeople, suppressPerson, unsuppressPerson } from './profiles.ts'
import {
  addAnonymous,
  addToObject,
  addToPerson,
  removeFromObject,
  removeFromPerson,
} from './relationships.ts'
import { addToSegment, createSegment, deleteSegment, removeFromSegment } from './segments.ts'
import type { State } from './state.ts'

type Action = (state: State, item: Item, at: number) => void

/** The types and actions of Track v2, and `anonymous`, `segment` and `export`, for which v2 has no form. */
const ACTIONS: Readonly<Record<string, Action>> = {
  'person.identify': identify,
  'person.event': recordEvent,
  'person.page': recordEvent,
  'person.screen': recordEvent,
  'person.viewed_content': recordEvent,
  'person.clicked_content': recordEvent,
  'person.add_device': addDevice,
  'person.delete_device': deleteDevice,
  'person.add_relationships': addToPerson,
  'person.delete_relationships': removeFromPerson,
  'person.delete': deletePerson,
  'person.merge': mergePeople,
  'person.suppress': suppressPerson,
  'person.unsuppress': unsuppressPerson,
  'object.identify': (state, item, at) => {
    identifyObject(state, item)
    addToObject(state, item, at)
  },
  'object.identify_anonymous': (state, item, at) => {
    identifyObject(state, item)
    addAnonymous(state, item, at)
  },
  'object.delete': deleteObject,
  'object.add_relationships': addToObject,
  'object.delete_relationships': removeFromObject,
  'delivery.event': recordMetric,
  'anonymous.event': recordEvent,
  'anonymous.page': recordEvent,
  'anonymous.screen': recordEvent,
  'segment.add_customers': addToSegment,
  'segment.remove_customers': removeFromSegment,
  'segment.create': createSegment,
  'segment.delete': deleteSegment,
  'export.create': createExport,
}

/** `accepted` is when the request was answered, `now` when it takes effect: milliseconds since 1970. */
export function apply(state: State, item: Item, { accepted, now }: { accepted: number; now: number }): void {
  state.now = now
  state.counts.applied += 1
  ACTIONS[`${plainText(item.value.type)}.${plainText(item.value.action)}`]?.(state, item, accepted)
}
