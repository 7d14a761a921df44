import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Disk, realDisk } from '../sqlite/disk.ts'
import { nameOf } from './name.ts'

const NAME = '01K0000000000000000000000A'
const OTHER = '01K0000000000000000000000B'

function directory(t: { after(work: () => void): void }): string {
  const made = mkdtempSync(join(tmpdir(), 'sluice-name-'))
  t.after(() => rmSync(made, { recursive: true }))
  return made
}

test('a ledger keeps the name that it was given first', (t) => {
  const dir = directory(t)
  assert.equal(nameOf({ directory: dir, disk: realDisk, draw: () => NAME }), NAME)
  assert.equal(nameOf({ directory: dir, disk: realDisk, draw: () => OTHER }), NAME)
  assert.deepEqual(readdirSync(dir), ['node'])
})

for (const [what, left] of [
  ['empty', ''],
  ['a part of one, which others would have as well', NAME.slice(0, 8)],
  ['zeros', '\0'.repeat(26)],
])
  test(`what a loss of power may leave is no name: ${what}`, (t) => {
    const dir = directory(t)
    writeFileSync(join(dir, 'node'), left ?? '')
    writeFileSync(join(dir, 'node.new'), NAME.repeat(2))
    assert.equal(nameOf({ directory: dir, disk: realDisk, draw: () => OTHER }), OTHER)
    assert.equal(readFileSync(join(dir, 'node'), 'utf8'), OTHER)
  })

test('a name is whole where it is found: it is written beside, and takes its place at once', (t) => {
  const dir = directory(t)
  const torn: Disk = {
    ...realDisk,
    syncedFile: (path) => {
      const file = realDisk.syncedFile(path)
      return { ...file, size: file.size, write: (at, bytes) => file.write(at, bytes.subarray(0, 5)) }
    },
  }
  assert.throws(() => nameOf({ directory: dir, disk: torn, draw: () => NAME }), { code: 'storage_full' })
  assert.deepEqual(readdirSync(dir), ['node.new'])
  assert.equal(nameOf({ directory: dir, disk: realDisk, draw: () => OTHER }), OTHER)
})
