import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readOptions, type ServiceOptions } from './service-options.ts'

const read = (options: object) => readOptions({ siteId: 's', apiKey: 'k', ...options } as ServiceOptions) // also what no type would allow

const ORIGINS: readonly (readonly [options: object, origin: string, isGateway: boolean])[] = [
  [{}, 'https://track.customer.io', false],
  [{ region: 'us' }, 'https://track.customer.io', false],
  [{ region: 'eu' }, 'https://track-eu.customer.io', false],
  [{ gateway: 'http://127.0.0.1:8246' }, 'http://127.0.0.1:8246', true],
  [{ gateway: 'https://sluice.example.com/' }, 'https://sluice.example.com', true],
  [{ url: 'http://[::1]:8247' }, 'http://[::1]:8247', false],
]

for (const [options, origin, isGateway] of ORIGINS)
  test(`${JSON.stringify(options)} means ${origin}`, () => {
    const settings = read(options)
    assert.deepEqual([settings.origin, settings.isGateway], [origin, isGateway])
  })

const REFUSED: readonly (readonly [options: object, message: RegExp])[] = [
  [{ siteId: '' }, /^siteId must be a string, not empty/],
  [{ apiKey: undefined }, /^apiKey must/],
  [{ region: 'mars' }, /^region must be us or eu/],
  [{ region: 'toString' }, /^region must be us or eu/],
  [{ region: 'eu', gateway: 'http://127.0.0.1:8246' }, /^region and gateway exclude each other/],
  [{ gateway: 'http://127.0.0.1:8246/api/v1' }, /^gateway must be an http or https origin/],
  [{ gateway: 'http://me:secret@127.0.0.1:8246' }, /^gateway must be an http or https origin/],
  [{ url: 'localhost:8247' }, /^url must be an http or https origin/],
  [{ attempts: 0 }, /^attempts must be a whole number/],
  [{ deadlineMs: 1.5 }, /^deadlineMs must/],
  [{ timeoutMs: 2 ** 31 }, /^timeoutMs must/],
  [{ connections: Number.NaN }, /^connections must/],
  [{ environment: ' ' }, /^environment must/],
]

for (const [options, message] of REFUSED)
  test(`refused: ${message.source.slice(1)} (${Object.values(options).map(String).join(', ')})`, () =>
    assert.throws(() => read(options), { code: 'bad_config', message }))

test('neither the password of an address nor the key is told in an error', () => {
  assert.throws(
    () => read({ apiKey: 'hunter2', gateway: 'http://me:hunter2@127.0.0.1' }),
    (error: Error) => !/hunter2/.test(`${error.message}${JSON.stringify(error)}`),
  )
})
