/** Servers in processes of their own, which tell what they have used. */
import { type ChildProcess, type ForkOptions, fork } from 'node:child_process'
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { ENVIRONMENT, SWITCHES } from '../bin/lean.js'
import { fail } from './line.ts'

/** What a server has used so far. */
export interface Usage {
  /** Milliseconds of CPU, all threads, system calls included. */
  readonly cpuMs: number
  readonly rssMb: number
  /** Calls and items that it was sent; of a sink. */
  readonly calls: number
  readonly items: number
}

export interface Server {
  readonly url: string
  readonly child: ChildProcess
  /** From the start of the process until it listened. */
  readonly startMs: number
}

const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** One of server.ts. */
export async function start(...args: string[]): Promise<Server> {
  const started = performance.now()
  const child = run(join(import.meta.dirname, 'server.ts'), args, {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const [url] = (await once(child, 'message')) as [string]
  return { url, child, startMs: performance.now() - started }
}

export interface GatewayOptions {
  readonly directory: string
  readonly roles: 'ingest' | 'delivery' | 'ingest,delivery'
  /** Where it delivers to. */
  readonly upstream?: string
}

/**
 * `sluice serve` as the package has it, started for the first time: with nothing that Node remembers of earlier starts. As it has a
 * channel to this process, it does not begin anew by itself with what `bin/lean.js` sets, and is given that.
 */
export async function serve(options: GatewayOptions): Promise<Server> {
  const { directory, roles, upstream = 'http://127.0.0.1:9' } = options
  const env = {
    ...ENVIRONMENT,
    PATH: process.env.PATH,
    NODE_DISABLE_COMPILE_CACHE: '1',
    CUSTOMERIO_SITE_ID: 'dev',
    CUSTOMERIO_API_KEY: 'dev',
    CUSTOMERIO_TRACK_URL: upstream,
    SLUICE_ADMIN_TOKEN: 'dev',
    SLUICE_DATA_DIR: directory,
    SLUICE_LIMITS_RATE_PER_SECOND: '100000',
    SLUICE_LOG_LEVEL: 'error',
    SLUICE_PORT: '0',
    SLUICE_ROLES: roles,
  }
  const started = performance.now()
  const child = run(resolve(import.meta.dirname, '../dist/main.js'), ['serve', '--json', '--quiet'], {
    cwd: directory,
    env,
    execArgv: [...SWITCHES, '--import', join(import.meta.dirname, 'usage.js')],
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  const { url } = JSON.parse(await firstLine(child.stdout)) as { url: string }
  return { url, child, startMs: performance.now() - started }
}

async function firstLine(output: Readable | null): Promise<string> {
  for await (const line of createInterface({ input: output ?? fail('Nothing can be read of it.') }))
    return line
  return fail('It ended before it listened.')
}

function run(file: string, args: readonly string[], options: ForkOptions): ChildProcess {
  const child = fork(file, args, options)
  running.add(child)
  return child
}

export async function usageOf({ child }: Server): Promise<Usage> {
  const answer = once(child, 'message')
  child.send('usage')
  const [usage] = (await answer) as [Usage]
  return usage
}

export async function stop({ child }: Server): Promise<void> {
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
  running.delete(child)
}
