/**
 * Plants faults in copies of the code, one at a time, and runs what must notice: tests, or a proof of `sluice verify`. A
 * fault that survives means that a promise is not tested. What must notice is run without a fault first: tests that fail anyway
 * notice nothing. `npm run mutants`, or `npm run mutants -- 207` for those whose name
 * contains a word.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { MUTANTS, type Mutant } from './mutant-list.ts'

const ROOT = resolve(import.meta.dirname, '..')
const SEEDS = 2_000
const PATIENCE_MS = 15 * 60_000
const say = (text: string) => process.stdout.write(`${text}\n`)

function copyOfTheCode(): string {
  const copy = mkdtempSync(join(tmpdir(), 'sluice-mutants-'))
  for (const name of ['src', 'test', 'bin', 'scripts', 'docs', 'package.json'])
    cpSync(join(ROOT, name), join(copy, name), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'))
  return copy
}

const isProof = ([first = '']: readonly string[]): boolean => /^[A-Z]\d+$/.test(first)

function commandOf(tests: Mutant['tests']): readonly string[] {
  if (!isProof(tests)) return ['--test', '--test-timeout=60000', '--test-force-exit', ...tests]
  const seeds = tests.includes('T0') ? ['--seeds', String(SEEDS)] : []
  return ['src/main.ts', 'verify', '--only', tests.join(','), '--seed', '1', ...seeds]
}

interface Trial {
  readonly noticed: boolean
  readonly seconds: number
  /** Of the simulation, how many seeds it took. */
  readonly seeds: string | undefined
}

/** Runs what must notice in `copy`, as it stands. */
async function run(copy: string, tests: Mutant['tests']): Promise<{ passed: boolean; told: string }> {
  const child = spawn(process.execPath, commandOf(tests), {
    cwd: copy,
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: PATIENCE_MS,
  })
  let told = ''
  child.stdout.on('data', (chunk) => {
    told += String(chunk)
  })
  const [code] = await once(child, 'close')
  return { passed: code === 0, told }
}

/** Noticed is what makes the command fail, as it must. */
async function attempt(copy: string, { file, from, to, tests }: Mutant): Promise<Trial> {
  const path = join(copy, 'src', file)
  const whole = readFileSync(path, 'utf8')
  if (!whole.includes(from)) throw new Error(`${file} no longer holds: ${from}`)
  writeFileSync(
    path,
    whole.replace(from, () => to),
  )
  const startedAt = performance.now()
  const { passed, told } = await run(copy, tests)
  writeFileSync(path, whole)
  const seeds = isProof(tests) ? /\bseeds ([\d,]+)/.exec(told)?.[1] : undefined
  return { noticed: !passed, seconds: (performance.now() - startedAt) / 1000, seeds }
}

/** Every command that is to notice something passes where nothing is planted. Returns those that do not. */
async function failUnplanted(mutants: readonly Mutant[]): Promise<string[]> {
  const copy = copyOfTheCode()
  const commands = new Map(mutants.map(({ tests }) => [tests.join(' '), tests]))
  const failed: string[] = []
  try {
    for (const [name, tests] of commands) {
      const { passed } = await run(copy, tests)
      say(`${passed ? 'passes  ' : 'FAILS   '}  ${name}, with nothing planted`)
      if (!passed) failed.push(name)
    }
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
  return failed
}

/** Takes one mutant after the other until none is left. Returns how many survived. */
async function work(left: Mutant[]): Promise<number> {
  const copy = copyOfTheCode()
  let survived = 0
  try {
    for (let mutant = left.shift(); mutant !== undefined; mutant = left.shift()) {
      const { noticed, seconds, seeds } = await attempt(copy, mutant)
      if (!noticed) survived += 1
      const after = `${seconds.toFixed(0)} s${seeds === undefined ? '' : `, ${seeds} seeds`}`
      say(`${noticed ? 'noticed ' : 'SURVIVED'}  ${mutant.name} (${after})`)
    }
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
  return survived
}

const wanted = process.argv[2] ?? ''
const chosen = MUTANTS.filter(({ name, tests }) => name.includes(wanted) || tests.includes(wanted))
if (chosen.length === 0) {
  say(`No planted fault has "${wanted}" in its name, and no proof of that name is to notice one.`)
  process.exit(2)
}
const red = await failUnplanted(chosen)
if (red.length > 0) {
  say(`${red.length} of the commands fail with nothing planted, so that they can notice nothing.`)
  process.exit(1)
}
const left = [...chosen]
const survivors = await Promise.all(Array.from({ length: availableParallelism() }, () => work(left)))
const survived = survivors.reduce((sum, one) => sum + one, 0)
say(`${chosen.length - survived} passed, ${survived} failed`)
process.exitCode = survived === 0 ? 0 : 1
