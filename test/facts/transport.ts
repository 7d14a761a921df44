/** Credentials, headers, paths and bodies. */
import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { Service } from '../../src/emulator/service.ts'
import { basic, type Fact, frozen, meta, STRICT } from './world.ts'

export const TRANSPORT: readonly Fact[] = [
  [
    'T',
    'the Track API asks for Basic site_id:api_key',
    (at) => {
      equal(at.put('1').status, 200)
      equal(at.status('PUT', '/api/v1/customers/1', {}, basic('dev:wrong')), 401)
      equal(at.status('PUT', '/api/v1/customers/1', {}, {}), 401)
    },
  ],
  [
    'GO',
    'the credentials may come in URL-safe base64',
    () => {
      const service = new Service({
        clock: frozen,
        random: () => 0,
        credentials: { siteId: '???', apiKey: '>>>' },
      })
      const authorization = `Basic ${btoa('???:>>>').replaceAll('+', '-').replaceAll('/', '_')}`
      equal(
        service.answer({ method: 'GET', path: '/auth', headers: { authorization }, body: '' }).status,
        200,
      )
    },
  ],
  [
    'A',
    'the App API asks for a bearer token',
    (at) => {
      equal(at.app('/v1/segments').status, 200)
      equal(at.app('/v1/segments', basic('dev:dev')).status, 401)
    },
  ],
  [
    'N5',
    'clients before 4.5 call the App API under /v1/api',
    (at) => equal(at.app('/v1/api/segments').status, 200),
  ],
  [
    'P',
    'Pipelines asks for Basic write_key and a blank password',
    (at) => {
      equal(at.pipelines('identify', { userId: '1' }, STRICT).status, 200)
      equal(at.pipelines('identify', { userId: '1' }, { ...STRICT, ...basic('dev:dev') }).status, 401)
    },
  ],
  [
    'T',
    'the region is told with its URL, and to older clients as data_center',
    (at) => {
      const { url, region, data_center, environment_id } = JSON.parse(
        at.call('GET', '/api/v1/accounts/region', undefined, { ...basic('dev:dev'), host: 'h' }).body,
      )
      deepEqual([url, region, data_center, typeof environment_id], ['http://h', 'us', 'us', 'number'])
      equal(at.status('GET', '/api/v1/accounts/region', undefined, basic('a:b')), 401)
    },
  ],
  [
    'T',
    'GET /auth says that credentials are nice, or 401',
    (at) => {
      deepEqual(meta(at.call('GET', '/auth').body), { message: 'Nice credentials.' })
      equal(at.status('GET', '/auth', undefined, basic('a:b')), 401)
    },
  ],
  [
    'NF',
    'a Track success is {} and a line break, with the recorded headers and none about limits or ids',
    (at) => {
      const { body, headers } = at.put('1')
      equal(body, '{}\n')
      deepEqual(headers, {
        'content-type': 'application/json; charset=utf-8',
        'access-control-allow-origin': '*',
        'cache-control': 'no-cache, no-store, must-revalidate, max-age=0',
        status: '200 OK',
        via: '1.1 google',
        'strict-transport-security': 'max-age=31536000; includeSubDomains',
      })
    },
  ],
  [
    'NF',
    'the App API answers with its recorded headers',
    (at) => {
      const { headers } = at.app('/v1/exports')
      equal(headers['access-control-allow-origin'], 'https://fly.customer.io')
      equal(headers['x-frame-options'], 'SAMEORIGIN')
      equal(
        Object.keys(headers).some((name) => /limit|request-id/.test(name)),
        false,
      )
    },
  ],
  [
    'NF',
    'no exports are null, and an unknown address an empty list',
    (at) => {
      equal(at.app('/v1/exports').body, '{"exports":null}')
      equal(at.app('/v1/customers?email=who%40x.io').body, '{"results":[]}')
    },
  ],
  [
    'A',
    'an unencoded + in an address finds nobody',
    (at) => {
      at.put('1', { email: 'a+b@x.io' })
      equal(at.app('/v1/customers?email=a+b@x.io').body, '{"results":[]}')
      match(at.app('/v1/customers?email=a%2Bb%40x.io').body, /"id":"1"/)
    },
  ],
  [
    'PY RB N5',
    'a body with DELETE, none with suppress, and any content type are taken',
    (at) => {
      equal(at.status('DELETE', '/api/v1/customers/1', {}), 200)
      equal(at.status('POST', '/api/v1/customers/1/suppress'), 200)
      equal(at.status('POST', '/api/v1/customers/1/suppress', {}), 200)
    },
  ],
  [
    'N5',
    'ids are percent-encoded, a slash too',
    (at) => {
      at.put(encodeURIComponent('a b/c+1?#'))
      ok(at.person('id:a b/c+1?#'))
    },
  ],
  [
    'A',
    'a misspelt path of /v1/send is a 405',
    (at) => equal(at.status('POST', '/v1/send/emial', {}, { authorization: 'Bearer dev' }), 405),
  ],
]
