/**
 * What a setting may be: how each kind of value is read, and what it is in words. Plain functions, since every process reads
 * its settings: a library of schemas (zod, 95 modules) is 17 MB of each start, and a sixth of its CPU.
 */
import { isObject } from './core/json.ts'
import { isRuleName, type Policies, type Policy, ruleOf } from './preflight/rules.ts'

export const ROLES = ['ingest', 'delivery'] as const

/** A kind of value: how it is read, and what it is in words that follow "must be". */
export interface Kind<Value = unknown> {
  /** From its text, or what sluice.yaml has: lists and mappings of texts. Undefined when it is none of the kind. */
  readonly read: (given: unknown) => Value | undefined
  readonly is: string
  /** How a value is written, where that is not its own text. */
  readonly write?: (value: unknown) => string
}
const kind = <Value>(is: string, read: (given: string) => Value | undefined): Kind<Value> => ({
  is,
  read: (given) => (typeof given === 'string' ? read(given) : undefined),
})

function readWord(given: unknown): string | undefined {
  const word = typeof given === 'string' ? given.trim() : ''
  return word === '' ? undefined : word
}
const memberOf =
  <Name extends string>(names: readonly Name[]) =>
  (given: string) =>
    names.find((name) => name === given)

export const text = (is: string): Kind<string> => kind(is, readWord)
export const oneOf = <const Names extends readonly string[]>(names: Names): Kind<Names[number]> =>
  kind(names.join(', ').replace(/, ([^,]*)$/, ' or $1'), memberOf<Names[number]>(names))
export const whole = (min: number, max: number, is = `a whole number from ${min} to ${max}`): Kind<number> =>
  kind(is, (given) => {
    const found = Number(given)
    return /^\d+$/.test(given) && found >= min && found <= max ? found : undefined
  })
export const port = whole(0, 65_535, 'a port from 0 (any free one) to 65535')

const YES = /^(true|1|yes|on|y|enabled)$/i
const NO = /^(false|0|no|off|n|disabled)$/i
export const toggle = kind(
  'true or false',
  (given) => YES.test(given) || (NO.test(given) ? false : undefined),
)
export const pem = text('the text of a PEM file')

/** One or more, as a list or joined by commas, of each of which `read` makes something. */
const several = <Value>(is: string, read: (word: string) => Value | undefined): Kind<readonly Value[]> => ({
  is,
  read: (given) => {
    const words = Array.isArray(given) ? given.map(readWord) : readWord(given)?.split(/ *, */)
    return words?.length
      ? allOf(words.map((word) => (word === undefined ? undefined : read(word))))
      : undefined
  },
})
/** Undefined when any of them is. */
const allOf = <Value>(found: readonly (Value | undefined)[]): readonly Value[] | undefined =>
  found.every((value) => value !== undefined) ? found : undefined

const BROKER = /^(\[[\da-f:]+\]|[\w.-]+):\d{1,5}$/i
export const brokers = several('host:port, or several of them joined by commas', (word) =>
  BROKER.test(word) ? word : undefined,
)
export const roles = several(`one or more of ${ROLES.join(', ')}`, memberOf(ROLES))

const isWeb = (url: string): boolean => /^https?:\/\//i.test(url) && URL.canParse(url)
export const url = kind('an http or https URL', (given) => {
  const found = given.trim()
  return isWeb(found) ? found.replace(/\/+$/, '') : undefined
})

/** Without its path, which no call would have: that of an SDK's address, such as /api/v1, comes with each call. */
export const origin = kind(
  'the http or https origin of a host, such as https://track.customer.io, without a path',
  (given) => {
    if (!URL.canParse(given)) return undefined
    const { protocol, href, origin } = new URL(given)
    return /^https?:$/.test(protocol) && href === `${origin}/` ? origin : undefined
  },
)

/** A number with one of these units, or 0. One without a unit is read where there is a unit called "". */
const measured = (units: Readonly<Record<string, number>>) => (given: string) => {
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?) ?([a-z]*)$/i.exec(given) ?? []
  const size = Number(amount) === 0 && unit === '' ? 1 : units[unit.toLowerCase()]
  return amount === undefined || size === undefined ? undefined : Math.round(Number(amount) * size)
}
/** None is called "": who writes 7 for a retention means days, and 30 for a timeout seconds. */
const SPANS = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const
export const duration = {
  ...kind('a duration such as 500ms, 30s, 15m, 12h or 7d', measured(SPANS)),
  /** In the largest unit that leaves no rest. */
  write: (ms: unknown) => {
    const [unit, size] = Object.entries(SPANS).find(([, size]) => Number(ms) % size === 0) ?? ['ms', 1]
    return `${Number(ms) / size}${unit}`
  },
}

export const bytes = kind(
  'a size such as 500MB or 20GB',
  measured({ '': 1, b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3, tb: 1024 ** 4 }),
)

/** Who may publish: the site id and API key that an application shows to Sluice. */
export interface Source {
  readonly name: string
  readonly siteId: string
  readonly apiKey: string
  /** What it shows to the Pipelines API instead. Unset: the API key. */
  readonly writeKey?: string
  /** What it shows to the App API. Unset: only the workspace's own App API key is taken. */
  readonly appKey?: string
}

/** `name:site:key` joined by commas, where the key keeps whatever colons it holds; or `none`. */
const sourceItems = (joined: string): readonly unknown[] =>
  (joined === 'none' ? [] : joined.split(',')).map((item) => {
    const [name, site_id, ...key] = item.trim().split(':')
    return { name, site_id, api_key: key.join(':') }
  })
const MEMBERS: readonly string[] = ['name', 'site_id', 'api_key', 'write_key', 'app_key']

function readSource(item: unknown): Source | undefined {
  if (!isObject(item) || !Object.keys(item).every((member) => MEMBERS.includes(member))) return undefined
  const [name, siteId, apiKey] = [item.name, item.site_id, item.api_key].map(readWord)
  const [writeKey, appKey] = [item.write_key, item.app_key].map(readWord)
  if (name === undefined || siteId === undefined || apiKey === undefined) return undefined
  if (item.write_key !== undefined && writeKey === undefined) return undefined
  if (item.app_key !== undefined && appKey === undefined) return undefined
  return { name, siteId, apiKey, ...(writeKey && { writeKey }), ...(appKey && { appKey }) }
}

const distinct = (words: readonly string[]) => new Set(words).size === words.length
export const sources: Kind<readonly Source[]> = {
  is: 'a list of {name, site_id, api_key, write_key?, app_key?}, or name:site:key joined by commas, each with a name and a site id of its own',
  read: (given) => {
    const items = typeof given === 'string' ? sourceItems(given) : given
    const list = Array.isArray(items) ? allOf(items.map(readSource)) : undefined
    const isClear =
      list && distinct(list.map(({ name }) => name)) && distinct(list.map(({ siteId }) => siteId))
    return isClear ? list : undefined
  },
}

/** `rule=policy` joined by commas, or in sluice.yaml a mapping. */
const ruleEntries = (joined: string): object =>
  Object.fromEntries(joined.split(',').map((each) => each.trim().split('=')))
const maySay = (rule: string, policy: unknown): boolean =>
  isRuleName(rule) && ruleOf(rule).may.includes(policy as Policy) // any text may be looked for
export const policies: Kind<Partial<Policies>> = {
  is: 'rule=policy joined by commas, or a mapping, with the rules and policies of docs/preflight.md',
  read: (given) => {
    const found = typeof given === 'string' ? ruleEntries(given) : given
    if (!isObject(found)) return undefined
    const said = Object.entries(found).map(([rule, policy]) => [rule, readWord(policy)] as const)
    return said.every(([rule, policy]) => maySay(rule, policy)) ? Object.fromEntries(said) : undefined
  },
  write: (given) =>
    Object.entries(given ?? {})
      .map((entry) => entry.join('='))
      .join(','),
}

export const prefix = kind('up to 100 letters, digits, ., _ and -', (given) =>
  /^[\w.-]{1,100}$/.test(given) ? given : undefined,
)
