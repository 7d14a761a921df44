import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pack, stringOf, unpack } from './sqlite-pack.ts'

test('a text comes back to the letter, packed or not', () => {
  for (const text of ['', 'short', 'ä€😀\u0000'.repeat(10), 'ä€😀\u0000\\ud800'.repeat(100_000)]) {
    const read = unpack(pack(text))
    assert.equal(stringOf(read), text)
    assert.equal(stringOf(unpack(pack(read))), text)
  }
})

test('long texts that are much alike take little room, and short ones are left as they are', () => {
  const text = '{"id":"01JDBYA8000000000000000000","kind":"person.event"}'.repeat(1000)
  assert.ok(pack(text).length < text.length / 20)
  assert.equal(pack(text.slice(0, 1000)), text.slice(0, 1000))
})

test('bytes that are not what was packed are an error, or another text, and never a crash', () => {
  const whole = pack('{"id":"01JDBYA8000000000000000000"}'.repeat(1000))
  assert.ok(whole instanceof Uint8Array)
  for (let at = 0; at < whole.length; at += 1) {
    const bent = Uint8Array.from(whole)
    bent[at] = (bent[at] ?? 0) ^ 0xff
    try {
      unpack(bent)
    } catch (thrown) {
      assert.ok(thrown instanceof Error)
    }
  }
})
