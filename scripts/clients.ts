/** Installs the clients of others for the tests in test/clients and test/kafka, into node_modules/.cache. */
import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'

const ROOT = resolve(import.meta.dirname, '..')
const CACHE = join(ROOT, 'node_modules/.cache/clients')

export const PYTHON = join(CACHE, 'python/bin/python')
export const GO_DIRECTORY = join(ROOT, 'test/clients/go')
export const GO = join(CACHE, 'go-client')

const PACKAGES = ['customerio==3.0.0', 'customerio-cdp-analytics==1.1.0', 'confluent-kafka==2.16.1']

function run(command: string, args: readonly string[], cwd = ROOT): void {
  const { status, error } = spawnSync(command, args, { cwd, stdio: 'inherit' })
  if (status === 0) return
  process.stderr.write(`${command} ${args.join(' ')} failed: ${error?.message ?? `exit ${status}`}\n`)
  process.exitCode = 1
}

if (import.meta.main) {
  mkdirSync(CACHE, { recursive: true })
  run('python3', ['-m', 'venv', join(CACHE, 'python')])
  run(PYTHON, ['-m', 'pip', 'install', '--quiet', ...PACKAGES])
  run('go', ['build', '-o', GO, '.'], GO_DIRECTORY)
}
