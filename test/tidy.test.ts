/** The house rules, as tests: who may import whom, how long things may be, and words that may not appear. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { test } from 'node:test'
import { MUTANTS } from '../scripts/mutant-list.ts'

const ROOT = resolve(import.meta.dirname, '..')
const SRC = join(ROOT, 'src')

interface Source {
  /** Relative to src/, with forward slashes. */
  readonly path: string
  readonly text: string
  readonly lines: readonly string[]
  /** Relative to src/, of our own files. */
  readonly imports: readonly string[]
  /** Names of packages and node: modules. */
  readonly vendors: readonly string[]
}

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s[^'"]*?from\s+'([^']+)'|\bimport\('([^']+)'\)|(?:^|\n)import\s+'([^']+)'/g

function read(file: string): Source {
  const text = readFileSync(file, 'utf8')
  const found = [...text.matchAll(IMPORT)].map((match) => match[1] ?? match[2] ?? match[3] ?? '')
  const own = found
    .filter((name) => name.startsWith('.'))
    .map((name) => relative(SRC, resolve(dirname(file), name)))
  const vendors = found.filter((name) => !name.startsWith('.'))
  return { path: relative(SRC, file), text, lines: text.split('\n'), imports: own, vendors }
}

const all: readonly Source[] = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => read(join(SRC, name)))

const isProof = (path: string) =>
  path.endsWith('.test.ts') || /(^|\/)[a-z-]*conformance[a-z-]*\.ts$/.test(path)
const sources = all.filter(({ path }) => !isProof(path))

const PORTS = ['bus', 'people', 'ledger', 'lake']
const CONTRACTS = PORTS.map((port) => `${port}/${port}.ts`)

/** What a folder may import beside itself: folders end with a slash, files do not. */
const MAY: Readonly<Record<string, readonly string[]>> = {
  core: [],
  bus: ['core/', 'sqlite/'],
  people: ['core/', 'sqlite/'],
  ledger: ['core/', 'sqlite/'],
  lake: ['core/'],
  preflight: ['core/'],
  customerio: ['core/', 'preflight/'],
  http: ['core/'],
  sqlite: ['core/'],
  telemetry: ['core/'],
  ingest: ['core/', 'http/', 'preflight/', ...CONTRACTS],
  delivery: ['core/', 'http/', 'customerio/', 'preflight/', ...CONTRACTS],
  relay: ['core/', 'http/', 'customerio/'],
  admin: ['core/', 'http/', ...CONTRACTS],
  emulator: ['core/', 'customerio/wire.ts'],
  verify: [
    ...['core/', 'http/', 'sqlite/', 'customerio/', 'ingest/', 'delivery/', 'emulator/', 'admin/wire.ts'],
    ...['config.ts', 'settings.ts', 'gateway.ts', 'surfaces.ts', 'world.ts', 'simulation/', 'preflight/'],
    ...PORTS.map((port) => `${port}/`),
  ],
  simulation: [
    ...['core/', 'http/', 'sqlite/', 'customerio/', 'ingest/', 'delivery/', 'emulator/'],
    ...['config.ts', 'gateway.ts', 'surfaces.ts', 'world.ts'],
    ...PORTS.map((port) => `${port}/`),
  ],
  cli: [
    'core/',
    'emulator/',
    'verify/',
    'gateway.ts',
    'config.ts',
    'settings.ts',
    'preflight/',
    'ingest/check.ts',
    'admin/status.ts',
    'admin/wire.ts',
    'operate.ts',
    'move.ts',
  ],
}

/** The files at the root of src/, and what each is for. */
const ROOT_MAY: Readonly<Record<string, readonly string[]>> = {
  'main.ts': ['cli/'],
  'index.ts': ['core/', 'config.ts', 'gateway.ts'],
  'client.ts': ['core/', 'customerio/'],
  'testing.ts': ['emulator/'],
  'config.ts': ['core/', 'settings.ts', 'setting-kinds.ts'],
  'settings.ts': ['core/', 'setting-kinds.ts'],
  'setting-kinds.ts': ['core/', 'preflight/rules.ts'],
  'world.ts': ['core/', 'customerio/http.ts', 'sqlite/disk.ts', 'surfaces.ts'],
  'surfaces.ts': [
    'core/',
    'config.ts',
    'http/',
    'customerio/',
    'ingest/',
    'relay/',
    'preflight/',
    'delivery/',
    'admin/',
    'telemetry/',
    ...PORTS.map((p) => `${p}/`),
  ],
  'operate.ts': [
    'core/',
    'config.ts',
    'cluster.ts',
    'stores.ts',
    'world.ts',
    'admin/',
    'delivery/replay.ts',
    'ingest/',
    'sqlite/lock.ts',
    ...PORTS.map((p) => `${p}/`),
  ],
  'move.ts': [
    'core/',
    'config.ts',
    'operate.ts',
    'stores.ts',
    'world.ts',
    'ingest/links.ts',
    'ingest/owed-links.ts',
    ...PORTS.map((p) => `${p}/`),
  ],
  'chores.ts': ['core/', 'surfaces.ts'],
  'cluster.ts': ['core/', 'config.ts', 'bus/'],
  'stores.ts': [
    'core/',
    'config.ts',
    'cluster.ts',
    'world.ts',
    'surfaces.ts',
    'admin/facts.ts',
    'delivery/replay.ts',
    'ingest/links.ts',
    'ingest/owed-links.ts',
    ...PORTS.map((p) => `${p}/`),
  ],
  'gateway.ts': [
    'core/',
    'chores.ts',
    'config.ts',
    'settings.ts',
    'world.ts',
    'surfaces.ts',
    'stores.ts',
    'customerio/',
    'delivery/',
    'ingest/',
    'preflight/',
    'admin/',
    'http/',
    'telemetry/',
    'sqlite/',
    ...PORTS.map((p) => `${p}/`),
  ],
}

function allowed(from: string, to: string): boolean {
  const [folder = ''] = from.split('/')
  const own = from.includes('/') ? [`${folder}/`, ...(MAY[folder] ?? [])] : (ROOT_MAY[from] ?? [])
  return own.some((rule) => (rule.endsWith('/') ? to.startsWith(rule) : to === rule))
}

test('imports point one way: every file imports only what its folder may', () => {
  const broken = sources.flatMap(({ path, imports }) =>
    imports.filter((to) => !allowed(path, to)).map((to) => `${path} imports ${to}`),
  )
  assert.deepEqual(broken, [])
})

test('only the public API re-exports', () => {
  const PUBLIC = ['index.ts', 'client.ts', 'testing.ts']
  const barrels = sources
    .filter(({ text }) => /^export\b[^;=()]*\bfrom '/m.test(text))
    .map(({ path }) => path)
  assert.deepEqual(barrels.sort(), PUBLIC.sort())
})

test('an implementation of a port never imports a sibling implementation', () => {
  const KINDS = ['memory', 'sqlite', 'kafka', 'postgres', 'pubsub', 'parquet', 'bigquery']
  const kindOf = (path: string) => KINDS.find((kind) => path.split('/')[1]?.startsWith(kind))
  const broken = sources.flatMap(({ path, imports }) =>
    imports
      .filter((to) => PORTS.includes(path.split('/')[0] ?? '') && to.split('/')[0] === path.split('/')[0])
      .filter((to) => kindOf(path) !== undefined && kindOf(to) !== undefined && kindOf(path) !== kindOf(to))
      .map((to) => `${path} imports ${to}`),
  )
  assert.deepEqual(broken, [])
})

/** A vendor belongs to few files, so that it can be changed in one place. */
const VENDORS: Readonly<Record<string, RegExp>> = {
  undici: /^customerio\/(pool|http|app)\.ts$/,
  fastify: /^(http|ingest|relay|admin|emulator)\//,
  'light-my-request': /^http\/inject\.ts$/,
  pino: /^telemetry\//,
  'prom-client': /^(telemetry\/|surfaces\.ts)/,
  commander: /^cli\//,
  '@clack/prompts': /^cli\//,
  yaml: /^config\.ts$/,
  zod: /^admin\//,
  'node:sqlite': /^(sqlite|bus|people|ledger|simulation)\//,
  '@platformatic/kafka': /^bus\/kafka/,
}

test('core imports node: only, and every vendor is imported where it belongs', () => {
  const broken = sources.flatMap(({ path, vendors }) =>
    vendors
      .filter((name) => (name.startsWith('node:') && !(name in VENDORS) ? false : !VENDORS[name]?.test(path)))
      .map((name) => `${path} imports ${name}`),
  )
  assert.deepEqual(broken, [])
})

test('no two files import each other, directly or around a corner', () => {
  const imports = new Map(all.map(({ path, imports }) => [path, imports]))
  const done = new Set<string>()
  const cycles: string[] = []
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) cycles.push([...trail.slice(trail.indexOf(path)), path].join(' -> '))
    else if (!done.has(path)) for (const next of imports.get(path) ?? []) visit(next, [...trail, path])
    done.add(path)
  }
  for (const path of imports.keys()) visit(path, [])
  assert.deepEqual(cycles, [])
})

test('no file is longer than 400 lines, and few are longer than 250', () => {
  const long = sources
    .filter(({ lines }) => lines.length > 250)
    .map(({ path, lines }) => `${path} ${lines.length}`)
  assert.deepEqual(
    long.filter((entry) => Number(entry.split(' ')[1]) > 400),
    [],
  )
  assert.ok(long.length <= sources.length / 10, `over 250 lines: ${long.join(', ')}`)
})

/** Formatted code closes a function with a brace at the indentation at which the function began. */
function functionsOf({ path, lines }: Source): { name: string; length: number }[] {
  const START =
    /^( *)(?:export )?(?:default )?(?:static )?(?:async )?(?:function\*? ?|(?:get |set )?[#*]?[\w$.[\]]+\()(.*)/
  const found: { name: string; length: number }[] = []
  for (const [at, line] of lines.entries()) {
    const indent = START.exec(line)?.[1]
    if (
      indent === undefined ||
      indent.length > 2 ||
      /^ *(if|for|while|switch|return|await|catch)\b|^ *\.\.\./.test(line)
    )
      continue
    const end = lines.findIndex((later, i) => i > at && later !== '' && !later.startsWith(`${indent} `))
    if (end > at) found.push({ name: `${path}:${at + 1}`, length: end - at + 1 })
  }
  return found
}

test('functions fit a screen: none over 70 lines, half of them at most about ten', () => {
  const functions = sources.flatMap(functionsOf).sort((a, b) => a.length - b.length)
  const over = functions.filter(({ length }) => length > 70).map(({ name, length }) => `${name} ${length}`)
  assert.deepEqual(over, [])
  const median = functions[Math.floor(functions.length / 2)]?.length ?? 0
  assert.ok(median <= 12, `the median function has ${median} lines`)
})

test('every file says in its first lines what it is', () => {
  const silent = sources.filter(
    ({ text }) => !/^(#!.*\n)?(import[^\n]*\n|\n)*\/(\*\*|\/)/.test(text) && !text.includes('\n/**'),
  )
  assert.deepEqual(
    silent.map(({ path }) => path),
    [],
  )
})

test('the environment is read in config.ts alone, and only the CLI speaks to a terminal', () => {
  const env = sources.filter(({ path, text }) => path !== 'config.ts' && /\bprocess\.env\b/.test(text))
  assert.deepEqual(
    env.map(({ path }) => path),
    [],
  )
  const said = sources.filter(({ path, text }) => !path.startsWith('cli/') && /\bconsole\.\w+\(/.test(text))
  assert.deepEqual(
    said.map(({ path }) => path),
    [],
  )
})

test('time, chance and the event loop are arguments: only the clock, the ULIDs and the world touch the real ones', () => {
  const BANNED =
    /\b(Date\.now|new Date\(\)|performance\.now|set(Timeout|Interval|Immediate)\b|timers\/promises|AbortSignal\.timeout|Math\.random|random(Bytes|UUID|Int)\b|process\.(hrtime|nextTick))/
  const PURE =
    /^(core|delivery|ingest|bus|ledger|people|customerio|http|sqlite|admin|emulator|gateway\.ts|chores\.ts)/
  const REAL = [
    'core/clock.ts',
    'core/ulid.ts',
    'customerio/http.ts', // the network itself
    'customerio/service-options.ts', // defaults of the direct client
    'emulator/emulator.ts', // defaults of its options
  ]
  const broken = sources.filter(
    ({ path, text }) =>
      PURE.test(path) && !REAL.includes(path) && BANNED.test(text.replace(/\/\*[\s\S]*?\*\//g, '')),
  )
  assert.deepEqual(
    broken.map(({ path }) => path),
    [],
  )
})

test('errors that are thrown on purpose are of the table', () => {
  const broken = sources.filter(
    ({ path, text }) => !path.startsWith('emulator/') && /throw new (Type|Range)?Error\(/.test(text),
  )
  assert.deepEqual(
    broken.map(({ path }) => path),
    [],
  )
})

test('no folder or file is called by a name that says nothing', () => {
  const BANNED = /(^|[/-])(utils?|helpers?|common|lib|misc|managers?|services|types)(\.|\/|-|$)/
  assert.deepEqual(
    all.map(({ path }) => path).filter((path) => BANNED.test(path)),
    [],
  )
})

test('tests wait for signals and never sleep, and none is left out in silence', () => {
  const tests = all.filter(({ path }) => path.endsWith('.test.ts'))
  const sleeping = tests.filter(({ text }) =>
    /setTimeout\((resolve|r|done)\b|\.only\(|test\.skip\(/.test(text),
  )
  assert.deepEqual(
    sleeping.map(({ path }) => path),
    [],
  )
})

test('every fault that `npm run mutants` plants still has its one place in the code', () => {
  const places = ({ file, from }: (typeof MUTANTS)[number]) =>
    readFileSync(join(SRC, file), 'utf8').split(from).length - 1
  assert.deepEqual(
    MUTANTS.filter((mutant) => places(mutant) !== 1).map(({ name, file }) => `${name}: ${file}`),
    [],
  )
})
