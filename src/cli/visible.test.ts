import assert from 'node:assert/strict'
import { test } from 'node:test'
import { styleText } from 'node:util'
import fc from 'fast-check'
import { character } from '../../test/character.ts'
import { painter } from './paint.ts'
import { visible } from './visible.ts'

test('what could move the cursor, forge a line or turn the writing is escaped', () => {
  const cases = {
    'a\nb': 'a\\u000ab',
    '\u001b[2J': '\\u001b[2J',
    '\u009b2J': '\\u009b2J',
    'x\u202ey': 'x\\u202ey',
    'é 👩‍👧 \u00a0': 'é 👩‍👧 \u00a0',
  }
  for (const [text, shown] of Object.entries(cases)) assert.equal(visible(text), shown)
})

test('colours of our own are colours, and those of others are escaped, also within ours', () => {
  const forged = styleText('green', 'delivered', { validateStream: false })
  assert.equal(visible(painter(true)('red', 'x')), styleText('red', 'x', { validateStream: false }))
  assert.equal(visible(forged), '\\u001b[32mdelivered\\u001b[39m')
  assert.equal(visible(painter(true)('red', forged)), `\u001b[31m${visible(forged)}\u001b[39m`)
})

test('JSON stays the same document', () => {
  fc.assert(
    fc.property(fc.json({ stringUnit: character }), (json) => {
      assert.deepEqual(JSON.parse(visible(JSON.stringify(JSON.parse(json)))), JSON.parse(json))
    }),
  )
})
