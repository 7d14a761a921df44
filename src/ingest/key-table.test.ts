import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { personKey } from '../core/operation.ts'
import { KeyTable } from './key-table.ts'

const NAMES = ['id', 'email', 'cio_id'] as const
const tables = new Map(NAMES.map((name) => [name, new KeyTable(name)]))

const identifier = fc.oneof(
  fc.string({ minLength: 1, unit: 'grapheme' }),
  fc.constantFrom('A@b.C', 'a@b.c', ' a', '1', '01', 'é', 'e'),
  fc.nat().map(String), // 100,000 of them are more than there are slots, so that some overwrite others
)

test('the key is that of the identifier, whatever was asked for before', () => {
  fc.assert(
    fc.property(fc.constantFrom(...NAMES), fc.array(identifier, { maxLength: 50 }), (name, identifiers) => {
      for (const text of [...identifiers, ...identifiers]) {
        const bytes = Buffer.from(`<${text}>`)
        const key = tables.get(name)?.keyOf(bytes, 1, bytes.length - 1)
        assert.equal(key, personKey({ [name]: text }))
      }
    }),
    { numRuns: 2_000, seed: 7 },
  )
})

test('a key is never taken for another whose letters are the bytes of this one', () => {
  const keys = new KeyTable('id')
  const keyOf = (text: string) => {
    const bytes = Buffer.from(text)
    return keys.keyOf(bytes, 0, bytes.length)
  }
  for (let n = 0; n < 100_000; n += 1) {
    keyOf(`x${n}Ã©y`) // whose letters are the bytes of é; one time in 32,768 the two have the same slot
    assert.equal(keyOf(`x${n}éy`), `id:x${n}éy`)
  }
})
