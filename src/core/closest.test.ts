import assert from 'node:assert/strict'
import { test } from 'node:test'
import { closest } from './closest.ts'

test('the word with the fewest letters that differ is meant, if few enough do', () => {
  const known = ['status', 'send', 'serve', 'tail', 'trace']
  const cases = { statsu: 'status', sned: 'send', tial: 'tail', serv: 'serve', explode: undefined }
  for (const [word, meant] of Object.entries(cases)) assert.equal(closest(word, known), meant)
})
