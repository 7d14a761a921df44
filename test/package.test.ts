/** The package as npm would publish it: built, then imported by its name under plain Node and by the type checker. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import {
  cpSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { stand } from './flow/stand.ts'

const ROOT = resolve(import.meta.dirname, '..')
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc')
const EXAMPLE = readFileSync(join(ROOT, 'examples/service/main.ts'), 'utf8')

/** An application with `sluice` among its packages. */
const app = mkdtempSync(join(tmpdir(), 'sluice-package-'))
after(() => rmSync(app, { recursive: true, force: true }))

/** Resolves to the standard output; rejects, with what it said, when the program fails. */
const node = async (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  (await promisify(execFile)(process.execPath, args, { cwd: app, env: { PATH: process.env.PATH, ...env } }))
    .stdout

/** Its checkers in parallel each look at what all of them need: twice the work, for half the time on an idle machine. */
const tsc = (...args: readonly string[]) => node([TSC, '--singleThreaded', ...args])

before(async () => {
  const home = join(app, 'node_modules/sluice')
  mkdirSync(home, { recursive: true })
  // What is built is the same without the types checked, for which there is `npm run check`: 2 s instead of 4.
  await tsc('-p', join(ROOT, 'tsconfig.build.json'), '--noCheck', '--outDir', join(home, 'dist'))
  cpSync(join(ROOT, 'package.json'), join(home, 'package.json'))
  symlinkSync(join(ROOT, 'node_modules'), join(home, 'node_modules'))
  writeFileSync(join(app, 'package.json'), '{"type":"module"}')
  writeFileSync(join(app, 'main.ts'), EXAMPLE)
})

test('the example of the documents runs with the built client, against a gateway', async () => {
  const { gateway, emulator, drained } = await stand()
  const said = await node(['main.ts'], { SLUICE_URL: gateway.url })
  assert.match(
    said,
    /^order_completed in \d+ ms\nevent [0-9A-Z]{26}; its story: .*\nbad_request: name must have/,
  )
  await drained()
  assert.equal(emulator.person('id:42')?.attributes.plan, 'pro')
  assert.deepEqual(
    emulator.events().map(({ name, data }) => [name, data]),
    [['order_completed', { _env: 'development', total: 19.9 }]],
  )
})

test('the example is that of docs/client.md, to the letter', () => {
  const [, block] = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(ROOT, 'docs/client.md'), 'utf8')) ?? []
  assert.equal(block, EXAMPLE)
})

test('the test of an application that docs/library.md shows passes, with what was built', async () => {
  const [, block] = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(ROOT, 'docs/library.md'), 'utf8')) ?? []
  assert.equal(block, readFileSync(join(ROOT, 'examples/testing/orders.test.ts'), 'utf8'))
  writeFileSync(join(app, 'orders.test.ts'), block)
  assert.match(await node(['--test', 'orders.test.ts']), /^ℹ pass 1$/m)
})

test('all three entries can be imported, and name what they are for', async () => {
  writeFileSync(
    join(app, 'entries.js'),
    `import * as client from 'sluice/client'
    import * as testing from 'sluice/testing'
    import * as sluice from 'sluice'
    console.log(JSON.stringify([client, testing, sluice].map((entry) => Object.keys(entry))))`,
  )
  const [client, testing, sluice] = JSON.parse(await node(['entries.js']))
  assert.deepEqual(client, [
    'CustomerIOService',
    'ERRORS',
    'METHODS',
    'SluiceError',
    'currentCorrelationId',
    'isErrorCode',
    'withCorrelationId',
  ])
  assert.deepEqual(testing, ['startEmulator'])
  assert.deepEqual(sluice, ['ERRORS', 'SluiceError', 'isErrorCode', 'loadConfig', 'startGateway'])
})

test('the types of the package hold: the example passes the strict checker, and a mistake does not', async () => {
  symlinkSync(join(ROOT, 'node_modules/@types'), join(app, 'node_modules/@types'))
  writeFileSync(join(app, 'mistake.ts'), EXAMPLE.replace("'track:success'", "'track:succes'"))
  const settings = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'esnext', '--types', 'node']
  await assert.rejects(
    tsc(...settings, 'main.ts', 'orders.test.ts', 'mistake.ts'),
    ({ stdout }: { stdout: string }) => {
      const said = stdout.trim().split('\n')
      return said.length === 1 && /^mistake\.ts.*error TS/.test(said[0] ?? '')
    },
  )
})

test('the pages that errors and the README send a reader to are published with it', async () => {
  const { files }: { files: string[] } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  const named = new Set<string>()
  for (const path of ['README.md', ...globSync('src/**/*.ts', { cwd: ROOT })])
    for (const [page] of readFileSync(join(ROOT, path), 'utf8').matchAll(/\bdocs\/[\w-]+\.(?:md|yaml)/g))
      named.add(page)
  const missing = [...named].filter(
    (page) => !files.some((file) => page === file || page.startsWith(`${file}/`)),
  )
  assert.deepEqual(missing, [])
})
