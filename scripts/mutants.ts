/**
 * Plants faults in a copy of the code, one at a time, and runs the tests that must notice. A fault that survives means that
 * a promise is not tested. `npm run mutants`, or `npm run mutants -- 207` for those whose name contains a word.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

interface Mutant {
  readonly name: string
  readonly file: string
  readonly from: string
  readonly to: string
  /** Test files, relative to the root. */
  readonly tests: readonly string[]
}

const DISPATCHER = ['src/delivery/dispatcher.test.ts']
const SPLIT = ['src/delivery/split.test.ts']
const PACE = ['src/delivery/pace.test.ts']
const BUS = ['src/bus/sqlite.test.ts']
const CLIENT = [
  'src/customerio/retry.test.ts',
  'src/customerio/input.test.ts',
  'src/customerio/batch-parts.test.ts',
  'test/flow/service.test.ts',
]
const RELAY = ['src/customerio/turns.test.ts', 'src/relay/relay.test.ts', 'test/flow/app.test.ts']
const FLOW = ['test/flow/delivery.test.ts', 'test/flow/gateway.test.ts']

type Row = readonly [name: string, file: string, from: string, to: string, tests: readonly string[]]

const ROWS: readonly Row[] = [
  [
    'answer before the commit',
    'bus/sqlite-commit.ts',
    'const refusal = await this.#store(publications, groups)',
    'for (const { stored } of publications) stored.resolve()\n      const refusal = await this.#store(publications, groups)',
    BUS,
  ],
  [
    'anchor never written',
    'bus/sqlite-writer.ts',
    'if (change.heads) this.#anchor',
    'if (false as boolean) this.#anchor',
    BUS,
  ],
  ['errors of the disk swallowed', 'bus/sqlite-commit.ts', 'this.#options.onFatal(error)', '', BUS],
  ['chunks not checked when read', 'bus/sqlite-chunk.ts', 'chunk.sum === sumOf(chunk)', 'true', BUS],
  [
    'settling when full refused',
    'bus/sqlite-commit.ts',
    'if (refusal) await this.#write',
    'if (false as boolean) await this.#write',
    BUS,
  ],
  [
    'late settle counted',
    'bus/group.ts',
    'if (held?.epoch !== epoch) fenced += 1',
    'if (held === undefined) fenced += 1',
    BUS,
  ],
  [
    'ranges settled above forgotten',
    'bus/progress.ts',
    'return { position: this.position, above: above.concat(this.#ahead.toReversed()) }',
    'return { position: this.position, above: [] }',
    BUS,
  ],
  [
    'no key barrier',
    'delivery/dispatcher.ts',
    "queue.state = 'busy'",
    "queue.state = 'idle'\n        this.#consider(queue)",
    DISPATCHER,
  ],
  [
    'failed operations go to the end',
    'delivery/dispatcher.ts',
    'queue.ops.unshift(ops.filter((op) => keysOf(op).includes(queue.key)))',
    'for (const op of ops) queue.ops.push(op)',
    DISPATCHER,
  ],
  [
    'a merge holds one person',
    'delivery/dispatcher.ts',
    'alsoKeys.length === 0 ? [record.key] : [record.key, ...alsoKeys]',
    '[record.key].concat(alsoKeys.slice(0, 0))',
    DISPATCHER,
  ],
  [
    'a hot person fills batches',
    'delivery/run.ts',
    'const MAX_RUN = 100',
    'const MAX_RUN = 100_000',
    DISPATCHER,
  ],
  [
    'delete is no barrier',
    'core/operation.ts',
    "'person.delete': 'barrier'",
    "'person.delete': 'event'",
    DISPATCHER,
  ],
  [
    '207 ignored',
    'customerio/outcome.ts',
    'if (status === 207) return judgeItems(body)',
    '',
    [...FLOW, 'src/customerio/outcome.test.ts'],
  ],
  [
    '207 off by one',
    'delivery/split.ts',
    'refused.set(index, itemRefusal(error))',
    'refused.set(index + 1, itemRefusal(error))',
    SPLIT,
  ],
  [
    'merged identifies counted twice in a 207',
    'delivery/split.ts',
    'index += run.items.length',
    'index += run.ops.length',
    SPLIT,
  ],
  [
    'an index beyond the batch believed',
    'delivery/split.ts',
    'if (index < 0 || index >= batch.items)',
    'if (index < 0)',
    SPLIT,
  ],
  [
    'a refused batch is dead as a whole',
    'delivery/split.ts',
    'if (only !== undefined && ops.length === 1)',
    'if (only !== undefined)',
    [...SPLIT, ...DISPATCHER],
  ],
  [
    '401 makes dead letters',
    'customerio/outcome.ts',
    'if (status === 401 || status === 403)',
    'if (status === 402)',
    ['src/customerio/outcome.test.ts'],
  ],
  [
    '5xx is final',
    'customerio/outcome.ts',
    'if (status >= 500 || REPEATABLE_4XX.has(status))',
    'if (REPEATABLE_4XX.has(status))',
    ['src/customerio/outcome.test.ts'],
  ],
  [
    'going in smaller company charged as a retry',
    'delivery/split.ts',
    'op.narrowed = batch.items > 1',
    'op.narrowed = false',
    SPLIT,
  ],
  [
    'the port closed without notice',
    'http/server.ts',
    'if (noticeMs > 0) await options.clock.sleep(noticeMs)',
    '',
    ['src/http/server.test.ts'],
  ],
  ['Retry-After ignored', 'delivery/pace.ts', 'this.#gate(result.retryAfterMs, now)', '', PACE],
  [
    'a cut for every 429',
    'delivery/rate.ts',
    'now - this.#cutAt < Math.max(MIN_WINDOW_MS, 2 * rttMs)',
    'now < this.#cutAt',
    PACE,
  ],
  ['no retry budget', 'delivery/retry.ts', 'retry ? this.#tokens - 1', 'retry ? this.#tokens', PACE],
  [
    'the breaker never opens',
    'delivery/breaker.ts',
    'const FAILURES_TO_OPEN = 30',
    'const FAILURES_TO_OPEN = 3_000_000',
    PACE,
  ],
  [
    'an older identify wins',
    'delivery/coalesce.ts',
    'later.timestamp < earlier.timestamp',
    'false as boolean',
    ['src/delivery/coalesce.test.ts'],
  ],
  [
    'identify without a timestamp',
    'ingest/stamp.ts',
    "isEvent(kind) || kind === 'person.identify' ||",
    'isEvent(kind) ||',
    ['src/ingest/*.test.ts', 'test/flow/*.test.ts'],
  ],
  [
    'a new id at every try',
    'ingest/stamp.ts',
    'return { id: clientId, seenAs: clientId.toUpperCase() }',
    'return { id: arrival.ulids(arrival.at), seenAs: undefined }',
    FLOW,
  ],
  [
    'settled before it is recorded',
    'delivery/settlement.ts',
    'await this.#whileFull(() => this.#options.ledger.record(entries))',
    '',
    FLOW,
  ],
  [
    'a replay under a fresh id',
    'delivery/replay.ts',
    '  id,\n  key,',
    '  id: id.slice(0, -1).concat(id.endsWith("0") ? "1" : "0"),\n  key,',
    FLOW,
  ],
  [
    'client: a fresh id in each event body',
    'customerio/service-calls.ts',
    'JSON.stringify(checkEventId(id))',
    'JSON.stringify(checkEventId(id).slice(0, -1) + Math.floor(Math.random() * 10))',
    CLIENT,
  ],
  [
    'client: a refusal repeated',
    'customerio/retry.ts',
    "if (verdict.kind !== 'later') break",
    "if (verdict.kind === 'ok') break",
    CLIENT,
  ],
  ['client: Retry-After ignored', 'customerio/retry.ts', '(verdict.retryAfterMs ?? 0) + ', '', CLIENT],
  [
    'client: no deadline',
    'customerio/retry.ts',
    'return leftMs > 0 ? remote',
    'return leftMs > -1e9 ? remote',
    CLIENT,
  ],
  [
    'client: a gateway not told of repeats',
    'customerio/caller.ts',
    "{ 'idempotency-key': ulids(clock.now()) }",
    '{}',
    CLIENT,
  ],
  [
    'client: a listener breaks the call',
    'customerio/service.ts',
    'process.emitWarning(',
    'throw new Error(',
    CLIENT,
  ],
  [
    'client: one correlation id for all',
    'customerio/correlation.ts',
    'return current.run(id, work)',
    'current.enterWith(id)\n  return work()',
    CLIENT,
  ],
  [
    'client: no _env with events',
    'customerio/service-calls.ts',
    "memberTexts('data', { ...environmentOf(stamps), ",
    "memberTexts('data', { ",
    CLIENT,
  ],
  [
    'client: refusals counted from the part',
    'customerio/batch-send.ts',
    'index: part.from + at',
    'index: at',
    CLIENT,
  ],
  [
    'client: closes under calls',
    'customerio/caller.ts',
    'await Promise.allSettled(this.#running)',
    '',
    CLIENT,
  ],
  [
    'client: limits in characters',
    'customerio/input.ts',
    'const name = byteLength(key)',
    'const name = key.length',
    CLIENT,
  ],
  [
    'client: more at once than slots',
    'customerio/slots.ts',
    'if (next === undefined) this.#free += 1',
    'this.#free += 1\n      if (next === undefined) return undefined as never',
    CLIENT,
  ],
  [
    'relay: calls of the App API beyond the budget',
    'customerio/turns.ts',
    'if (waitMs > mostMs) return waitMs',
    '',
    RELAY,
  ],
  [
    'relay: Retry-After of the App API forgotten',
    'relay/routes.ts',
    'if (status === 429) turns.pause',
    'if (status === 0) turns.pause',
    RELAY,
  ],
  [
    'relay: sends passed on',
    'relay/sends.ts',
    "if (SENDS.test(place)) throw new SluiceError('sends_unsupported')",
    '',
    RELAY,
  ],
  ['relay: mailings from a test environment', 'relay/sends.ts', 'if (production) return', 'return', RELAY],
  [
    'relay: a 401 of our key given to the caller',
    'relay/routes.ts',
    'if (status === 401) return',
    'if (status === 0) return',
    RELAY,
  ],
  [
    'relay: strangers let through',
    'relay/routes.ts',
    'if (deps.nameCaller(request.headers.authorization) === undefined)',
    'if (false as boolean)',
    RELAY,
  ],
]

const MUTANTS: readonly Mutant[] = ROWS.map(([name, file, from, to, tests]) => ({
  name,
  file: `src/${file}`,
  from,
  to,
  tests,
}))

const ROOT = resolve(import.meta.dirname, '..')
const say = (text: string) => process.stdout.write(`${text}\n`)

function copyOfTheCode(): string {
  const copy = mkdtempSync(join(tmpdir(), 'sluice-mutants-'))
  for (const name of ['src', 'test', 'bin', 'package.json'])
    cpSync(join(ROOT, name), join(copy, name), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'))
  return copy
}

/** True when a test failed, as it must. */
function isNoticed(copy: string, { file, from, to, tests }: Mutant): boolean {
  const path = join(copy, file)
  const whole = readFileSync(path, 'utf8')
  if (!whole.includes(from)) throw new Error(`${file} no longer holds: ${from}`)
  writeFileSync(
    path,
    whole.replace(from, () => to),
  )
  const args = ['--test', '--test-timeout=60000', ...tests]
  const { status } = spawnSync(process.execPath, args, { cwd: copy, stdio: 'ignore', timeout: 120_000 })
  writeFileSync(path, whole)
  return status !== 0
}

const wanted = process.argv[2] ?? ''
const chosen = MUTANTS.filter(({ name }) => name.includes(wanted))
const copy = copyOfTheCode()
let survived = 0
for (const mutant of chosen) {
  const noticed = isNoticed(copy, mutant)
  if (!noticed) survived += 1
  say(`${noticed ? 'noticed ' : 'SURVIVED'}  ${mutant.name}`)
}
rmSync(copy, { recursive: true, force: true })
say(`${chosen.length - survived} passed, ${survived} failed`)
process.exitCode = survived === 0 ? 0 : 1
