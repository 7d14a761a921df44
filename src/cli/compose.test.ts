import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { character } from '../../test/character.ts'
import { SluiceError } from '../core/errors.ts'
import { attributesText, identifiersText, textOf } from './compose.ts'

test('a person is called by what the word looks like, or by its prefix', () => {
  const cases = {
    '42': '{"id":"42"}',
    'ada@example.com': '{"email":"ada@example.com"}',
    cio_03000001: '{"cio_id":"03000001"}',
    'id:ada@example.com': '{"id":"ada@example.com"}',
    'phone:+4930123': '{"phone":"+4930123"}',
    'email:x': '{"email":"x"}',
    'other:42': '{"id":"other:42"}',
    'id:': '{"id":"id:"}',
  }
  for (const [word, text] of Object.entries(cases)) assert.equal(identifiersText(word), text)
})

test('a value is JSON where it is JSON, else text', () => {
  const cases = {
    'n=42': '{"n":42}',
    'n=12345678901234567890': '{"n":12345678901234567890}',
    'n=1.0': '{"n":1.0}',
    'b=true': '{"b":true}',
    'z=null': '{"z":null}',
    'l=["a"]': '{"l":["a"]}',
    't=pro': '{"t":"pro"}',
    't="42"': '{"t":"42"}',
    't=01234': '{"t":"01234"}',
    't=': '{"t":""}',
    't=a=b': '{"t":"a=b"}',
  }
  for (const [pair, text] of Object.entries(cases)) assert.equal(attributesText(undefined, [pair]), text)
})

test('-d goes over --data, and numbers of --data stay as they were written', () => {
  const data = '{"n": 12345678901234567890, "plan": "free"}'
  assert.equal(attributesText(data, ['plan=pro']), '{"n":12345678901234567890,"plan":"pro"}')
  assert.equal(attributesText(undefined, []), undefined)
})

test('data that is no object, and a pair without a key, are refused', () => {
  const isUsage = (thrown: unknown) => thrown instanceof SluiceError && thrown.code === 'bad_usage'
  for (const data of ['[1]', '"a"', '{', '']) assert.throws(() => attributesText(data, []), isUsage)
  for (const pair of ['plan', '=pro', '']) assert.throws(() => attributesText(undefined, [pair]), isUsage)
})

test('any text without JSON in it arrives as it was typed', () => {
  fc.assert(
    fc.property(fc.string({ unit: character }), (value) => {
      const text = attributesText(undefined, [`k=${JSON.stringify(value)}`]) ?? ''
      assert.deepEqual(JSON.parse(text), { k: value })
    }),
  )
})

test('what is undefined is left out', () => {
  assert.equal(textOf({ a: '1', b: undefined, c: '"x"' }), '{"a":1,"c":"x"}')
})
