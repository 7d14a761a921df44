import assert from 'node:assert/strict'
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { realDisk } from './disk.ts'

/** What the reserve comes to on a disk that answers every write with this number, as node:fs throws it. */
function reserveOn(number: number, name: string): boolean {
  const path = join(tmpdir(), `sluice-disk-${process.pid}.reserve`)
  const real = fs.writeSync
  fs.writeSync = () => {
    throw Object.assign(new Error(`${name}: write`), { errno: -number, code: name, syscall: 'write' })
  }
  syncBuiltinESMExports()
  try {
    return realDisk.reserve(path, 1)
  } finally {
    fs.writeSync = real
    syncBuiltinESMExports()
  }
}

test('a disk, or a quota, that is used up has no room; what else goes wrong is a disk that failed', () => {
  const { ENOSPC, EDQUOT, EIO } = constants.errno
  assert.equal(reserveOn(ENOSPC, 'ENOSPC'), false)
  assert.equal(reserveOn(EDQUOT, 'UNKNOWN'), false, 'as Node calls it')
  assert.throws(() => reserveOn(EIO, 'EIO'), { code: 'storage_failed', message: /reserve: EIO/ })
})
