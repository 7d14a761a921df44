import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
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

test('colours of our own stay', () => {
  const red = painter(true)('red', 'x')
  assert.equal(visible(red), red)
})

test('JSON stays the same document', () => {
  fc.assert(
    fc.property(fc.json({ stringUnit: 'binary' }), (json) => {
      // A colour within a string would stay, and JSON.stringify leaves no escape character to begin one.
      assert.deepEqual(JSON.parse(visible(JSON.stringify(JSON.parse(json)))), JSON.parse(json))
    }),
  )
})
