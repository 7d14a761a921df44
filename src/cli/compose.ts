/** An operation of Track v2 from the words of a command line. Values stay JSON text: a number of 20 digits arrives whole. */
import { SluiceError } from '../core/errors.ts'
import { isObject, memberMap, objectText, parseJson } from '../core/json.ts'
import { personKey } from '../core/operation.ts'

/** The text of an object from --data and the `key=value` of -d, which goes last. Throws `bad_usage`. */
export function attributesText(data: string | undefined, pairs: readonly string[]): string | undefined {
  if (data === undefined && pairs.length === 0) return undefined
  const members = new Map<string, string>()
  if (data !== undefined) {
    if (!isObject(parseJson(data))) throw new SluiceError('bad_usage', '--data must be a JSON object.')
    for (const [key, value] of memberMap(data)) members.set(key, value)
  }
  for (const pair of pairs) members.set(...attribute(pair))
  return objectText(members)
}

/** `age=42` is a number, `plan=pro` a text, `zip="01234"` a text that could be a number, `tags=["a"]` a list. */
function attribute(pair: string): [key: string, value: string] {
  const equals = pair.indexOf('=')
  if (equals < 1) throw new SluiceError('bad_usage', `-d takes key=value; you gave "${pair}".`)
  const value = pair.slice(equals + 1)
  return [pair.slice(0, equals), parseJson(value) === undefined ? JSON.stringify(value) : value.trim()]
}

const PREFIXED = /^(id|email|cio_id|phone):(.+)$/s

/** `42` is an id, `ada@example.com` an e-mail, `cio_03000001` a cio_id; a prefix such as `id:` or `phone:` says so itself. */
export function identifiersText(person: string): string {
  const [, name, value] = PREFIXED.exec(person) ?? []
  if (name !== undefined && value !== undefined) return JSON.stringify({ [name]: value })
  if (person.startsWith('cio_')) return JSON.stringify({ cio_id: person.slice('cio_'.length) })
  return JSON.stringify(person.includes('@') ? { email: person } : { id: person })
}

/** The key that dead letters and the feed know somebody by: `42` is `id:42`; a key, such as that of an object, is itself. */
export const keyOf = (person: string): string =>
  /^(anonymous_id|object):/.test(person) ? person : (personKey(parseJson(identifiersText(person))) ?? person)

/** An object's text from name and value text, without what is undefined. */
export const textOf = (parts: Readonly<Record<string, string | undefined>>): string =>
  objectText(
    Object.entries(parts).flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const])),
  )
