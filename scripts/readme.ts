/** Tries the README as a new user would: `npm start` in one terminal, the marked commands in another. For CI. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout } from 'node:timers/promises'

const ROOT = resolve(import.meta.dirname, '..')
const URL_OF_GATEWAY = 'http://127.0.0.1:8246'
const say = (text: string) => process.stdout.write(`${text}\n`)

/** The lines of the code block after `<!-- ci -->`. */
function markedCommands(): string[] {
  const block =
    /<!-- ci -->\n```sh\n([\s\S]*?)```/.exec(readFileSync(join(ROOT, 'README.md'), 'utf8'))?.[1] ?? ''
  return block.split('\n').filter((line) => line.trim() !== '')
}

async function isReady(url: string): Promise<boolean> {
  return fetch(`${url}/readyz`).then(
    (answer) => answer.ok,
    () => false,
  )
}

async function run(): Promise<number> {
  if (await isReady(URL_OF_GATEWAY)) {
    say('another Sluice listens on port 8246: stop it first')
    return 1
  }
  const dataDir = mkdtempSync(join(tmpdir(), 'sluice-readme-'))
  const started = performance.now()
  const server = spawn('npm', ['start', '--', '--strict-port', '--data-dir', dataDir], {
    cwd: ROOT,
    detached: true,
  })
  server.stdout.resume()
  server.stderr.resume()
  const end = once(server, 'exit')
  try {
    while (!(await isReady(URL_OF_GATEWAY))) {
      if (server.exitCode !== null || performance.now() - started > 60_000) {
        say('npm start did not become ready')
        return 1
      }
      await setTimeout(100)
    }
    say(`ready after ${Math.round(performance.now() - started)} ms`)
    return tryAll(markedCommands())
  } finally {
    if (server.pid !== undefined) process.kill(-server.pid, 'SIGTERM')
    await end
    rmSync(dataDir, { recursive: true, force: true })
  }
}

function tryAll(commands: readonly string[]): number {
  let failed = 0
  for (const command of commands) {
    say(`\n$ ${command}`)
    const { status } = spawnSync('bash', ['-c', command], { cwd: ROOT, stdio: 'inherit' })
    if (status !== 0) failed += 1
    if (status !== 0) say(`exit ${status}`)
  }
  say(`\n${commands.length - failed} passed, ${failed} failed`)
  return commands.length > 0 && failed === 0 ? 0 : 1
}

process.exitCode = await run()
