/** The documents say what the code says. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { PAGES } from '../scripts/reference.ts'
import { ERRORS } from '../src/core/errors.ts'
import { NOTICES } from '../src/core/notices.ts'
import { parseDuration, SETTINGS } from '../src/settings.ts'

const ROOT = resolve(import.meta.dirname, '..')
const read = (path: string) => readFileSync(resolve(ROOT, path), 'utf8')

for (const [path, page] of Object.entries(PAGES))
  test(`${path} is what its table makes (otherwise: npm run docs)`, async () =>
    assert.equal(read(path), await page()))

test('every operation that Customer.io documents is taken by the gateway and the emulator, and stands in the table', async () => {
  const table = (await PAGES['docs/compatibility.md']?.()) ?? ''
  const rows = new Map<string, readonly string[]>()
  for (const [, call = '', ...how] of table.matchAll(/^\| `(.*)` \| (.*) \| (.*) \|$/gm)) rows.set(call, how)
  const { operations } = JSON.parse(read('test/fixtures/customerio-answers.json'))
  assert.ok(operations.length > 70)
  for (const { api, method, path } of operations) {
    const call = `${method} ${path.replace(/\{\w+\}/g, '{}')}`
    // What lies below a thing of which there are none stands in the row of that thing.
    const [gateway, emulator] = rows.get(call) ?? rows.get(call.replace(/(\{\}).*/, '$1')) ?? []
    assert.equal(gateway, api === 'app' ? 'passed on' : 'yes', `${method} ${path}`)
    assert.match(emulator ?? 'missing', /^(yes|partly)$/, `${method} ${path}`)
  }
})

test('every error and notice of the tables is used, and none beside them', () => {
  const used = new Set<string>()
  for (const name of sourcesOf('src'))
    for (const [, word] of read(name).matchAll(/'([a-z][a-z_.]+)'/g)) used.add(word ?? '')
  const unused = [...Object.keys(ERRORS), ...Object.keys(NOTICES)].filter((name) => !used.has(name))
  assert.deepEqual(unused, [])
})

test('the README fits on a few screens', () => {
  assert.ok(read('README.md').split('\n').length <= 200)
})

test('the README says how long a stop takes, and gives a container longer', () => {
  const [notice = 0, part = 0] = [SETTINGS.noticeMs, SETTINGS.shutdownMs].map((row) =>
    parseDuration(row.fallback),
  )
  const most = (notice + 2 * part) / 1000 // callers, then calls under way: server.ts and worker.ts
  const readme = read('README.md')
  assert.ok(readme.includes(`A stop takes ${most} s at the most`))
  assert.ok(Number(/stop_grace_period: (\d+)s/.exec(readme)?.[1]) > most)
})

test('every file and folder that a document names is there', () => {
  const missing: string[] = []
  for (const page of ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'docs/proof.md'].filter((name) =>
    existsSync(resolve(ROOT, name)),
  ))
    for (const [, path] of read(page).matchAll(
      /`((?:src\/|test\/|docs\/|scripts\/|bench\/|examples\/|[a-z]+\/)[\w./-]+\.(?:ts|md|js))`/g,
    ))
      if (![path, `src/${path}`].some((at) => existsSync(resolve(ROOT, at ?? ''))))
        missing.push(`${page}: ${path}`)
  assert.deepEqual(missing, [])
})

function sourcesOf(folder: string): string[] {
  return readdirSync(resolve(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter(
      (name) =>
        name.endsWith('.ts') && !name.endsWith('.test.ts') && !/core\/(errors|notices)\.ts$/.test(name),
    )
    .map((name) => `${folder}/${name}`)
}
