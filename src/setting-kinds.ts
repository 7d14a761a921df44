/** What a setting may be: how each kind of value is read, and what it is in words. */
import { z } from 'zod'
import { isRuleName, type Policies, type Policy, ruleOf } from './preflight/rules.ts'

export const ROLES = ['ingest', 'delivery'] as const

/** A kind of value: how its text (or, in sluice.yaml, its list) is read, and what it is in words that follow "must be". */
export interface Kind<Schema extends z.ZodType = z.ZodType> {
  readonly schema: Schema
  readonly is: string
  /** How a value is written, where that is not its own text. */
  readonly write?: (value: unknown) => string
}
const kind = <Schema extends z.ZodType>(is: string, schema: Schema): Kind<Schema> => ({ is, schema })

const word = z.string().trim().min(1)
export const text = (is: string) => kind(is, word)
export const oneOf = <const Names extends readonly string[]>(names: Names) =>
  kind(names.join(', ').replace(/, ([^,]*)$/, ' or $1'), z.enum(names))
export const whole = (min: number, max: number) =>
  kind(
    `a whole number from ${min} to ${max}`,
    z.string().regex(/^\d+$/).transform(Number).pipe(z.int().min(min).max(max)),
  )
export const port = kind('a port from 0 (any free one) to 65535', whole(0, 65_535).schema)
export const toggle = kind('true or false', z.stringbool())
export const pem = text('the text of a PEM file')
export const brokers = kind(
  'host:port, or several of them joined by commas',
  z
    .union([z.array(word), word.transform((joined) => joined.split(/ *, */))])
    .pipe(z.array(z.string().regex(/^(\[[\da-f:]+\]|[\w.-]+):\d{1,5}$/i)).min(1)),
)
export const url = kind(
  'an http or https URL',
  z.url({ protocol: /^https?$/ }).transform((found) => found.replace(/\/+$/, '')),
)

/** Without its path, which no call would have: that of an SDK's address, such as /api/v1, comes with each call. */
export const origin = kind(
  'the http or https origin of a host, such as https://track.customer.io, without a path',
  z
    .string()
    .refine(isOrigin)
    .transform((found) => new URL(found).origin),
)
function isOrigin(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, href, origin } = new URL(text)
  return /^https?:$/.test(protocol) && href === `${origin}/`
}

/** A number with one of these units, or 0. One without a unit is read where there is a unit called "". */
const measured = (units: Readonly<Record<string, number>>) =>
  z.string().transform((found, check) => {
    const [, amount, unit = ''] = /^(\d+(?:\.\d+)?) ?([a-z]*)$/i.exec(found) ?? []
    const size = Number(amount) === 0 && unit === '' ? 1 : units[unit.toLowerCase()]
    if (amount === undefined || size === undefined) check.issues.push({ code: 'custom', input: found })
    return Math.round(Number(amount) * (size ?? 1))
  })
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
export const roles = kind(
  `one or more of ${ROLES.join(', ')}`,
  z
    .union([z.array(word), word.transform((joined) => joined.split(/ *, */))])
    .pipe(z.array(z.enum(ROLES)).min(1)),
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
const sourceItems = (joined: string) =>
  (joined === 'none' ? [] : joined.split(',')).map((item) => {
    const [name, site_id, ...key] = item.trim().split(':')
    return { name, site_id, api_key: key.join(':') }
  })
const SOURCE = z.strictObject({
  name: word,
  site_id: word,
  api_key: word,
  write_key: word.optional(),
  app_key: word.optional(),
})
const distinct = (words: readonly string[]) => new Set(words).size === words.length
export const sources = kind(
  'a list of {name, site_id, api_key, write_key?, app_key?}, or name:site:key joined by commas, each with a name and a site id of its own',
  z
    .union([z.string().transform(sourceItems), z.array(z.unknown())])
    .pipe(z.array(SOURCE))
    .refine((list) => distinct(list.map(({ name }) => name)) && distinct(list.map(({ site_id }) => site_id)))
    .transform((list) =>
      list.map(
        ({ name, site_id: siteId, api_key: apiKey, write_key: writeKey, app_key: appKey }): Source => ({
          name,
          siteId,
          apiKey,
          ...(writeKey === undefined ? {} : { writeKey }),
          ...(appKey === undefined ? {} : { appKey }),
        }),
      ),
    ),
)

/** `rule=policy` joined by commas, or in sluice.yaml a mapping. */
const ruleEntries = (joined: string) =>
  Object.fromEntries(joined.split(',').map((each) => each.trim().split('=')))
const maySay = (rule: string, policy: string): boolean =>
  isRuleName(rule) && ruleOf(rule).may.includes(policy as Policy) // any text may be looked for
export const policies = {
  ...kind(
    'rule=policy joined by commas, or a mapping, with the rules and policies of docs/preflight.md',
    z
      .union([z.string().transform(ruleEntries), z.record(z.string(), z.unknown())])
      .pipe(z.record(z.string(), word))
      .refine((given) => Object.entries(given).every(([rule, policy]) => maySay(rule, policy)))
      .transform((given): Partial<Policies> => given), // of names and policies of the table
  ),
  write: (given: unknown) =>
    Object.entries(given ?? {})
      .map((entry) => entry.join('='))
      .join(','),
}

export const prefix = kind('up to 100 letters, digits, ., _ and -', z.string().regex(/^[\w.-]{1,100}$/))
