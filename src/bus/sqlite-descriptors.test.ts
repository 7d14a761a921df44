/** A table of descriptors that is full, as a process meets it: another one fills its own. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Fills the table, publishes, gives it free again and publishes. Prints what became of both, and what was told. */
const PROGRAM = `
  import { closeSync, openSync } from 'node:fs'
  import { systemClock } from '${import.meta.resolve('../core/clock.ts')}'
  import { makeRecord } from '${import.meta.resolve('./conformance-stand.ts')}'
  import { openSqliteBus } from '${import.meta.resolve('./sqlite.ts')}'
  const told = []
  const notify = (name) => void told.push(name)
  const onFatal = (error) => void told.push(error.code)
  const directory = process.argv[1]
  const bus = await openSqliteBus({ directory, clock: systemClock, notify, onFatal })
  const say = () => bus.publish('t', [makeRecord('a', 1)]).then(() => 'stored', ({ code }) => code)
  const held = []
  try {
    for (;;) held.push(openSync('/dev/null'))
  } catch {}
  const during = [await say(), await say()]
  held.forEach((file) => closeSync(file))
  const after = await say()
  const { published } = await bus.lag('t', 'g')
  await bus[Symbol.asyncDispose]()
  console.log(JSON.stringify({ during, after, published, told }))
`

test('a full table of descriptors is no full disk: it is refused under its own name, and taken again when it has room', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-descriptors-'))
  const limited = 'ulimit -n 200; exec "$0" --input-type=module --eval "$1" "$2"'
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const { stdout } = await run('sh', ['-c', limited, process.execPath, PROGRAM, directory])
  assert.deepEqual(JSON.parse(stdout), {
    during: ['too_many_files', 'too_many_files'],
    after: 'stored',
    published: 1,
    told: ['bus.recovered', 'bus.out_of_files'],
  })
})
