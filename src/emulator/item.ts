/**
 * An item: one operation in the form of a Track v2 batch item, kept as text beside its parsed value. Everything that
 * the emulator accepts, by whatever route, becomes items; the journal stores their text and apply.ts gives them effect.
 */
import { type JsonObject, memberMap, objectText, parseJson } from '../core/json.ts'

export interface Item {
  readonly text: string
  readonly value: JsonObject
}

/** An item from text that is known to be a JSON object. */
export function readItem(text: string): Item {
  return { text, value: JSON.parse(text) as JsonObject } // the caller vouches for the object
}

/** An item from members given as JSON texts; an undefined member is left out. */
export function writeItem(parts: Readonly<Record<string, string | undefined>>): Item {
  const given = Object.entries(parts).filter((part): part is [string, string] => part[1] !== undefined)
  return readItem(objectText(given))
}

/** A member as it stands in the text. */
export const part = (item: Item, name: string): string | undefined => memberMap(item.text).get(name)

/** The members of an object as texts; empty when the text is absent or no object. */
export const textsOf = (text: string | undefined): Map<string, string> =>
  text?.startsWith('{') ? memberMap(text) : new Map()

/** A member that is an object, as key and value texts. */
export const partMap = (item: Item, name: string): Map<string, string> => textsOf(part(item, name))

/**
 * A JSON value as Customer.io's App API shows it: a string as it is, anything else as its JSON text, so that a number
 * of 19 digits stays exact.
 */
export function scalarText(text: string): string {
  if (!text.startsWith('"')) return text
  return String(parseJson(text))
}

/** `null` and `""` remove an attribute (Track API, identify). */
export const isEmptyValue = (text: string): boolean => text === 'null' || text === '""'

/** The item's own timestamp in unix seconds, else the second of its arrival. */
export function timestampOf(item: Item, at: number): number {
  const given = item.value.timestamp
  if (given === undefined || given === null || given === '') return Math.floor(at / 1000)
  return Number(given)
}
