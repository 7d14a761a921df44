/**
 * Reads the settings of settings.ts. The only file that reads the environment. Precedence: flag, environment,
 * sluice.yaml, default; an empty text is unset.
 */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { YAMLParseError } from 'yaml'
import { closest } from './core/closest.ts'
import { SluiceError } from './core/errors.ts'
import { isObject } from './core/json.ts'
import type { Kind } from './setting-kinds.ts'
import {
  flagName,
  type Known,
  longFlag,
  SETTING_NAMES,
  type SETTINGS,
  type SettingName,
  settingOf,
  twinsOf,
} from './settings.ts'

type Value<S> = S extends { kind: Kind<infer V> }
  ? S extends { fallback: unknown }
    ? V
    : V | undefined
  : never
/** All settings, read. One without a default may be undefined. */
export type Config = { readonly [Name in SettingName]: Value<(typeof SETTINGS)[Name]> }

export type Environment = Readonly<Record<string, string | undefined>>
export const processEnvironment = (): Environment => process.env

/**
 * The credentials of a machine without any account: what `sluice dev` opens with, and what the commands try first. No load
 * balancer stands before it, so that it stops at once.
 */
export const DEV_DEFAULTS = {
  siteId: 'dev',
  apiKey: 'dev',
  appApiKey: 'dev',
  adminToken: 'dev',
  noticeMs: '0ms',
} as const

export interface ConfigInput {
  /** By the names that `flagName` gives, and `config`: the path of the file instead of ./sluice.yaml. */
  readonly flags?: Known
  readonly env: Environment
  readonly cwd: string
  /** Instead of the defaults of the table. */
  readonly defaults?: Readonly<Partial<Record<SettingName, string>>>
  /** A file's text, or undefined when there is none. */
  readonly read?: (path: string) => string | undefined
}

export interface Loaded {
  readonly config: Config
  /** Where each value came from: `--port`, `SLUICE_PORT`, `sluice.yaml:3`, `default`, or `unset`. */
  readonly origins: Readonly<Record<SettingName, string>>
}

interface Found {
  readonly value: unknown
  readonly origin: string
}

/**
 * Reads every setting. Pure over its input but for `read`. Throws `bad_config`, which names the setting, what it must
 * be, and where the wrong value came from.
 */
export async function loadConfig(input: ConfigInput): Promise<Loaded> {
  const yaml = await yamlValues(input)
  const values: Record<string, unknown> = {}
  const origins: Record<string, string> = {}
  for (const name of SETTING_NAMES) {
    const found =
      fromFlags(name, input.flags ?? {}) ??
      fromEnvironment(name, input) ??
      yaml.get(settingOf(name).yaml) ??
      fromDefaults(name, input.defaults ?? {}, values)
    values[name] = found && parse(name, found)
    origins[name] = found?.origin ?? 'unset'
  }
  // The loop has filled every name, each value through the schema of its own row: what the two types say.
  return { config: values as unknown as Config, origins: origins as Loaded['origins'] }
}

const YAML_PATHS: readonly string[] = SETTING_NAMES.map((name) => settingOf(name).yaml)

const given = (value: unknown, origin: string): Found | undefined =>
  value === undefined || value === null || value === '' ? undefined : { value, origin }

function fromFlags(name: SettingName, flags: Known): Found | undefined {
  const { flag } = settingOf(name)
  return flag === undefined ? undefined : given(flags[flagName(flag)], longFlag(flag))
}

function fromDefaults(name: SettingName, defaults: Known, known: Known): Found | undefined {
  const { fallback } = settingOf(name)
  const usual = typeof fallback === 'function' ? fallback(known) : fallback
  return given(defaults[name] ?? usual, 'default')
}

function fromEnvironment(name: SettingName, input: ConfigInput): Found | undefined {
  for (const twin of twinsOf(name)) {
    const found = isServiceLink(twin, input.env[twin]) ? undefined : given(input.env[twin], twin)
    const path = settingOf(name).secret && input.env[`${twin}_FILE`]
    if (found && path) throw badConfig(name, `${twin} and ${twin}_FILE are both set: keep one of them.`)
    if (found) return found
    if (path) return fromSecretFile(name, `${twin}_FILE`, path, input)
  }
  return undefined
}

/**
 * Kubernetes sets such variables in every container beside a Service of that name: SLUICE_PORT=tcp://10.0.0.7:8246,
 * SLUICE_SERVICE_HOST, SLUICE_PORT_8246_TCP_PROTO. Nobody meant them for Sluice.
 */
const isServiceLink = (variable: string, value = ''): boolean =>
  /^(tcp|udp|sctp):\/\//.test(value) || /_SERVICE_(HOST|PORT)(_|$)|_PORT_\d+_(TCP|UDP|SCTP)_/.test(variable)

function fromSecretFile(name: SettingName, twin: string, path: string, input: ConfigInput): Found {
  const found = given(readWith(input, path)?.trim(), `${twin} (${path})`)
  if (found) return found
  throw badConfig(name, `${twin} names ${path}, which is empty or cannot be read.`)
}

function parse(name: SettingName, { value, origin }: Found): unknown {
  const { kind, yaml, secret } = settingOf(name)
  const read = kind.read(value)
  if (read !== undefined) return read
  const said = secret ? 'something else (not shown: it is a secret)' : JSON.stringify(value)
  throw badConfig(name, `${yaml} must be ${kind.is}; ${origin} says ${said}.`)
}

const badConfig = (name: SettingName, message: string): SluiceError =>
  new SluiceError('bad_config', message, { details: { setting: settingOf(name).yaml } })

function readWith({ cwd, read = readText }: ConfigInput, path: string): string | undefined {
  return read(resolve(cwd, path))
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

/** What sluice.yaml says, by path. A file that --config or SLUICE_CONFIG names must exist. */
async function yamlValues(input: ConfigInput): Promise<ReadonlyMap<string, Found>> {
  const chosen = input.flags?.config ?? input.env.SLUICE_CONFIG
  const path = String(chosen || 'sluice.yaml')
  const content = readWith(input, path)
  if (content === undefined && chosen) throw new SluiceError('bad_config', `There is no file ${path}.`)
  return content === undefined ? new Map() : parseYaml(content, path)
}

/**
 * The package is loaded here since most commands meet no file. Every scalar is read as text, as from the environment:
 * YAML would make a number of a key such as 12e456. Throws on a path that no setting has.
 */
async function parseYaml(content: string, path: string): Promise<ReadonlyMap<string, Found>> {
  const { LineCounter, isNode, parseDocument } = await import('yaml')
  const lineCounter = new LineCounter()
  const document = parseDocument(content, { lineCounter, schema: 'failsafe' })
  const [broken] = document.errors
  if (broken) throw notYaml(broken, path)
  const found = new Map<string, Found>()
  const visit = (branch: object, above: readonly string[]): void => {
    for (const [key, value] of Object.entries(branch)) {
      const name = [...above, key].join('.')
      const node = document.getIn([...above, key], true)
      const origin = `${path}:${lineCounter.linePos((isNode(node) && node.range?.[0]) || 0).line}`
      const leaf = given(value, origin)
      if (YAML_PATHS.includes(name) && leaf) found.set(name, leaf)
      else if (YAML_PATHS.includes(name)) continue
      else if (isObject(value) && isBranch(name)) visit(value, [...above, key])
      else throw unknownSetting(name, origin)
    }
  }
  const root: unknown = document.toJS() ?? {}
  if (!isObject(root)) throw new SluiceError('bad_config', `${path} must be a mapping of settings.`)
  visit(root, [])
  return found
}

/** The parser adds the place in words, and draws the line below them. */
function notYaml({ message, linePos }: YAMLParseError, path: string): SluiceError {
  const [said = ''] = message.split(' at line ')
  const place = linePos ? `${path}:${linePos[0].line}` : path
  return new SluiceError('bad_config', `${place}: this is not YAML. ${said}.`, {
    hint: 'docs/cli.md has every setting with its place in the file.',
  })
}

const isBranch = (name: string) => YAML_PATHS.some((path) => path.startsWith(`${name}.`))

function unknownSetting(name: string, origin: string): SluiceError {
  const near = closest(name, YAML_PATHS)
  return new SluiceError('bad_config', `${origin}: there is no setting ${name}.`, {
    details: { setting: name, origin },
    ...(near && { hint: `Did you mean ${near}?` }),
  })
}

/** Variables that look like settings and are none: most likely misspelt. With what may have been meant, if anything. */
export function unknownVariables(env: Environment): readonly { name: string; near: string | undefined }[] {
  const known = ['SLUICE_CONFIG', ...SETTING_NAMES.flatMap(twinsOf)]
  return Object.keys(env)
    .filter((name) => name.startsWith('SLUICE_') || name.startsWith('CUSTOMERIO_'))
    .filter((name) => !isServiceLink(name, env[name]))
    .filter((name) => !known.includes(name.replace(/_FILE$/, '')))
    .map((name) => ({ name, near: closest(name, known) }))
}

/** What a process that delivers to Customer.io cannot do without. Throws `bad_config` naming the first that is missing. */
export function requireCredentials(config: Config): void {
  if (!config.roles.includes('delivery')) return
  const missing = (['siteId', 'apiKey'] as const).find((name) => config[name] === undefined)
  if (missing === undefined) return
  throw new SluiceError('bad_config', `${twinsOf(missing)[0]} is not set.`, {
    hint: 'Set CUSTOMERIO_SITE_ID and CUSTOMERIO_API_KEY, or run "sluice dev", which needs neither.',
  })
}

/** A setting's value as text for people, secrets masked; empty when it is unset. */
export function shown(name: SettingName, config: Config): string {
  if (name === 'sources')
    return config.sources
      .map((source) => `${source.name}:${source.siteId}:${masked(source.apiKey)}`)
      .join(',')
  const value = config[name]
  if (value === undefined) return ''
  const { kind, secret } = settingOf(name)
  return secret ? masked(String(value)) : (kind.write?.(value) ?? String(value))
}

/** The first and last two letters of a long secret, the first and last of a short one. */
export function masked(secret: string): string {
  const ends = secret.length < 12 ? 1 : 2
  return secret.length < 3 ? '…' : `${secret.slice(0, ends)}…${secret.slice(-ends)}`
}
