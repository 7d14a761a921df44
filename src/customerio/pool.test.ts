import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { lazyPool } from './pool.ts'

const URL = 'http://127.0.0.1:9'

test('there is one pool, and one that is asked for after the end is gone as well', async () => {
  const pool = lazyPool(URL, {})
  assert.equal(await pool.get(), await pool.get())
  await pool.destroy()
  assert.equal((await pool.get()).destroyed, true)
  const unused = lazyPool(URL, {})
  await unused.destroy()
  assert.equal((await unused.get()).destroyed, true)
})

test('who never called stops without undici', async () => {
  const code = `
    import { registerHooks } from 'node:module'
    registerHooks({ resolve: (name, context, next) => { if (name === 'undici') console.log(name); return next(name, context) } })
    const { lazyPool } = await import('./pool.ts')
    await lazyPool('${URL}', {}).destroy()`
  const words = ['--input-type=module', '--eval', code]
  const { stdout } = await promisify(execFile)(process.execPath, words, { cwd: import.meta.dirname })
  assert.equal(stdout, '')
})
