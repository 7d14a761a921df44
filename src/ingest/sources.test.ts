import assert from 'node:assert/strict'
import { test } from 'node:test'
import { knowSources, knowWriters } from './sources.ts'

const SOURCES = [
  { name: 'web', siteId: 's', apiKey: 'k:ey', writeKey: 'w' },
  { name: 'app', siteId: 't', apiKey: 'k2' },
  { name: 'old', siteId: 'u', apiKey: 'k2' },
]
const basic = (text: string) => `Basic ${btoa(text)}`

for (const [credentials, name] of [
  ['s:k:ey', 'web'],
  ['t:k2', 'app'],
  ['s:k2', undefined],
  ['s:', undefined],
  [':', undefined],
  ['', undefined],
  ['w:', undefined],
] as const)
  test(`the credentials "${credentials}" are ${name ?? 'nobody'}'s`, () =>
    assert.equal(knowSources(SOURCES)(basic(credentials)), name))

for (const [credentials, name] of [
  ['w:', 'web'],
  ['k:ey:', undefined],
  ['k2:', 'app'],
  ['w:w', undefined],
  ['w', undefined],
  [':', undefined],
  ['s:k:ey', undefined],
] as const)
  test(`to the Pipelines API the credentials "${credentials}" are ${name ?? 'nobody'}'s`, () =>
    assert.equal(knowWriters(SOURCES)(basic(credentials)), name))

test('who shows nothing is nobody', () => {
  for (const know of [knowSources, knowWriters])
    for (const header of [undefined, '', 'Bearer w', 'Basic']) assert.equal(know(SOURCES)(header), undefined)
})
