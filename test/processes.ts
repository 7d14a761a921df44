/**
 * Which tests share a process. One of its own costs a file up to 0.9 s of a core, for what it imports, and code that runs for the
 * first time is slow: test/flow and most of src take 26 s of a core in two processes, and 58 s in 91. What is not named here
 * has a process of its own: `node test/processes.ts` lists the files to run.
 */
import { globSync } from 'node:fs'
import { resolve } from 'node:path'

const ROOT = resolve(import.meta.dirname, '..')
const find = (pattern: string) => globSync(pattern, { cwd: ROOT }).sort()

/** They measure the process or start another, change what all in it share, or take long and had better run beside the rest. */
const OWN = [
  /^src\/bus\/(kafka.*|sqlite|conformance-faults|sqlite-thread)\.test\.ts$/,
  /^src\/delivery\/share\.test\.ts$/,
  /^src\/emulator\/(emulator|restart)\.test\.ts$/,
  /^src\/http\/hostile\.test\.ts$/,
  /^src\/(ledger|people|simulation)\//,
  /^src\/verify\/runner\.test\.ts$/,
]

export const flow = find('test/flow/*.test.ts')
export const beside = find('src/**/*.test.ts').filter((path) => !OWN.some((own) => own.test(path)))

/** Loads test files one after the other, so that their tests belong to this process. */
export async function load(paths: readonly string[]): Promise<void> {
  for (const path of paths) await import(resolve(ROOT, path))
}

if (import.meta.main) {
  const shared = new Set([...flow, ...beside])
  const alone = find('{src,test}/**/*.test.ts').filter((path) => !shared.has(path))
  process.stdout.write(`${alone.join('\n')}\n`)
}
