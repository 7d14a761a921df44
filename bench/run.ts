/**
 * The benchmarks: `npm run bench -- [--only NAME,…] [--backlog N] [--large N] [--json] [--record]`. Each figure stands
 * against a baseline of the same run, with the same client. See README.md for the method and for what limits each.
 */
import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { cpus, loadavg, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { dispatcher, rate } from './decisions.ts'
import { backlog, drained } from './drain.ts'
import { batches, single } from './ingest.ts'
import { latency } from './latency.ts'
import { holds, type Line } from './line.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    backlog: { type: 'string', default: '1000000' },
    large: { type: 'string', default: '1000000' },
    json: { type: 'boolean', default: false },
    record: { type: 'boolean', default: false },
  },
})

const scratch = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
const fresh = () => mkdtempSync(join(scratch, 'd-'))
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }))

const BENCHMARKS: Readonly<Record<string, () => Promise<Line[]>>> = {
  single: async () => [await single(fresh)],
  batch: async () => [await batches(fresh)],
  drain: () => drained(fresh, Number(values.backlog)),
  latency: () => latency(fresh),
  backlog: () => backlog(fresh, Number(values.large)),
  dispatcher,
  rate: async () => rate(),
}

const wanted = values.only?.split(',') ?? Object.keys(BENCHMARKS)
const lines: Line[] = []
for (const [name, run] of Object.entries(BENCHMARKS)) {
  if (!wanted.includes(name)) continue
  process.stderr.write(`${name} …\n`)
  const found = await run()
  lines.push(...found)
  if (!values.json) for (const line of found) process.stdout.write(`${tell(line)}\n`)
}

function tell(line: Line): string {
  const { what, value, unit, goal, better, detail } = line
  const figure = `${Number(value.toPrecision(3))}${unit && ` ${unit}`}`
  const sign = better === 'more' ? '>=' : '<='
  return `${holds(line) ? 'ok  ' : 'miss'} ${figure.padStart(8)}  (${sign} ${goal})  ${what}\n              ${detail}`
}

const run = {
  at: new Date().toISOString(),
  commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim(),
  node: process.version,
  machine: `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
  load: loadavg()[0],
  lines,
}
if (values.json) process.stdout.write(`${JSON.stringify(run)}\n`)
if (values.record) appendFileSync(join(import.meta.dirname, 'history.ndjson'), `${JSON.stringify(run)}\n`)
