import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SharedTexts, textFrom } from './shared-texts.ts'

const KB = 1024

test('a long text is read as it was put, whatever letters it has', () => {
  const texts = new SharedTexts()
  for (const letter of ['a', 'é', '漢', '🌍']) {
    const text = letter.repeat(20 * KB)
    const put = texts.put(text)
    assert.notEqual(put, text)
    assert.equal(String(textFrom(texts.memory, put)), text)
  }
})

test('what is short, no text, or has no room left travels as it is', () => {
  const texts = new SharedTexts()
  const long = 'x'.repeat(4 * KB * KB)
  for (const other of ['short', Buffer.from(long)]) assert.equal(texts.put(other), other)
  const put = [long, long, long].map((text) => textFrom(texts.memory, texts.put(text)))
  assert.deepEqual(put.map(String), [long, long, long])
  assert.ok(
    put.some((text) => text === long),
    'each letter may take three bytes',
  )
  texts.clear()
  assert.notEqual(texts.put(long), long)
})
