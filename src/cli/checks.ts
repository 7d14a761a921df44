/** What `sluice doctor` looks at on this machine. Each check says what it found, and how to mend what is wrong. */
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  statfsSync,
  writeSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import type { Config } from '../config.ts'
import { toListenError } from '../core/address.ts'
import type { Clock } from '../core/clock.ts'
import { type ErrorCode, type SluiceError, toSluiceError } from '../core/errors.ts'

export interface Check {
  readonly name: string
  /** `warn` is told and fails nothing. */
  readonly state: 'ok' | 'warn' | 'fail' | 'skipped'
  readonly found: string
  readonly fix?: string
  /** Of `fail`: what `sluice explain` knows about it, and the exit code. */
  readonly code?: ErrorCode
}

const MIN_NODE = 24

export function checkNode(version: string): Check {
  const state = Number(version.split('.')[0]) >= MIN_NODE ? 'ok' : 'fail'
  const check: Check = { name: 'node', state, found: `Node ${version}` }
  return state === 'ok' ? check : { ...check, fix: `Use Node ${MIN_NODE} or newer.`, code: 'bad_config' }
}

export function checkCredentials({ siteId, apiKey, env }: Config): Check {
  const name = 'credentials'
  if (siteId && apiKey) return { name, state: 'ok', found: `site id ${siteId}, with an API key` }
  return {
    name,
    state: env === 'development' ? 'warn' : 'fail',
    found: 'CUSTOMERIO_SITE_ID or CUSTOMERIO_API_KEY is not set',
    fix: 'Set both for "sluice serve"; "sluice dev" needs neither.',
    code: 'bad_config',
  }
}

const LOW_BYTES = 1024 ** 3
/** Every answer to an application waits for one sync, shared by all that came meanwhile. */
const SLOW_SYNC_MS = 50
const SYNCS = 15

/** Writes a file in the data directory. Whatever of the path was not there before is removed again. */
export function checkDisk({ dataDir }: Config, cwd: string, clock: Clock): Check[] {
  const directory = resolve(cwd, dataDir)
  let made: string | undefined
  try {
    made = mkdirSync(directory, { recursive: true })
    const probe = mkdtempSync(join(directory, 'doctor-'))
    try {
      return [
        { name: 'data directory', state: 'ok', found: `${directory} is writable` },
        freeSpace(directory),
        syncTime(join(probe, 'sync'), clock),
      ]
    } finally {
      rmSync(probe, { recursive: true })
    }
  } catch (thrown) {
    const found = `${directory}: ${thrown instanceof Error ? thrown.message : String(thrown)}`
    const fix = 'Name a directory that this user may write to with SLUICE_DATA_DIR.'
    return [{ name: 'data directory', state: 'fail', found, fix, code: 'storage_failed' }]
  } finally {
    if (made) rmSync(made, { recursive: true })
  }
}

function freeSpace(directory: string): Check {
  const { bavail, bsize } = statfsSync(directory)
  const free = bavail * bsize
  const check: Check = { name: 'free space', state: 'ok', found: `${(free / 1024 ** 3).toFixed(1)} GB free` }
  if (free >= LOW_BYTES) return check
  return { ...check, state: 'warn', fix: 'Free some: when the disk is full, requests are answered 503.' }
}

/** The median time of writing 4 KB and having it on the disk. */
function syncTime(path: string, clock: Clock): Check {
  const file = openSync(path, 'w')
  const block = new Uint8Array(4096)
  const times: number[] = []
  for (let i = 0; i < SYNCS; i += 1) {
    const startedAt = clock.mono()
    writeSync(file, block)
    fsyncSync(file)
    times.push(clock.mono() - startedAt)
  }
  closeSync(file)
  const median = times.sort((a, b) => a - b)[SYNCS >> 1] ?? 0
  const check: Check = {
    name: 'fsync',
    state: 'ok',
    found: `${median.toFixed(2)} ms to have 4 KB on the disk`,
  }
  if (median < SLOW_SYNC_MS) return check
  return { ...check, state: 'warn', fix: 'Use a local disk: every answer waits for this.' }
}

/** A port that is free, or that a Sluice of this machine already listens on. */
export async function checkPort(name: string, host: string, port: number): Promise<Check> {
  const fault = await listenFault(host, port)
  if (fault === undefined) return { name, state: 'ok', found: `${host}:${port} is free` }
  if (fault.code === 'port_in_use' && (await isSluice(host, port)))
    return { name, state: 'ok', found: `a Sluice runs at ${host}:${port}` }
  return { name, state: 'fail', found: fault.message, fix: fault.hint, code: fault.code }
}

/** Why nobody could listen there now; undefined where one could, as with port 0. */
export const listenFault = (host: string, port: number): Promise<SluiceError | undefined> =>
  new Promise((done) => {
    const server = createServer()
    const told = (cause: unknown) => done(toSluiceError(toListenError(cause, { host, port, flag: '--port' })))
    server.once('error', told)
    server.listen({ host, port }, () => server.close(() => done(undefined)))
  })

const isSluice = async (host: string, port: number): Promise<boolean> => {
  const answer = await fetch(`http://${host}:${port}/livez`, { signal: AbortSignal.timeout(2000) }).catch(
    () => undefined,
  )
  return answer?.ok === true
}
