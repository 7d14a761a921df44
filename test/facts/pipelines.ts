/** The Pipelines API. */
import { deepEqual, equal, ok } from 'node:assert/strict'
import { basic, type Fact, meta, SECONDS, STRICT, words } from './world.ts'

export const PIPELINES: readonly Fact[] = [
  [
    'P',
    'whatever comes is a 200, and nothing of it is kept when it is wrong',
    (at) => {
      for (const body of ['{', {}, { userId: '1', traits: { a: words(33_000) } }])
        equal(at.pipelines('identify', body).status, 200)
      equal(at.call('POST', '/v1/identify', { userId: '1' }, basic('wrong:')).status, 200)
      equal(at.stats.people, 0)
    },
  ],
  [
    'P',
    'X-Strict-Mode: 1, and no other value, makes it 400 and 401 under meta',
    (at) => {
      const wrong = at.pipelines('identify', {}, STRICT)
      equal(wrong.status, 400)
      ok(Array.isArray(meta(wrong.body).errors))
      equal(at.pipelines('identify', {}, { 'x-strict-mode': 'true' }).status, 200)
      const stranger = at.call('POST', '/v1/identify', { userId: '1' }, { ...basic('wrong:'), ...STRICT })
      deepEqual([stranger.status, typeof meta(stranger.body).error], [401, 'string'])
    },
  ],
  [
    'P',
    'a call has 32 KB and a batch 500 KB',
    (at) => {
      const call = (bytes: number) => {
        const room = bytes - JSON.stringify({ userId: '1', event: 'a', properties: { a: '' } }).length
        return at.pipelines('track', { userId: '1', event: 'a', properties: { a: words(room) } }, STRICT)
          .status
      }
      deepEqual([32 * 1024 - 1, 32 * 1024, 32 * 1024 + 1].map(call), [200, 200, 400])
      const batch = (bytes: number) =>
        at.pipelines('batch', `{"batch":[]${' '.repeat(bytes - 12)}}`, STRICT).status
      deepEqual([500 * 1024 - 1, 500 * 1024, 500 * 1024 + 1].map(batch), [200, 200, 400])
    },
  ],
  ['P', 'only POST exists', (at) => equal(at.status('PUT', '/v1/identify', {}, basic('dev:')), 501)],
  [
    'P',
    'somebody is named by userId or anonymousId, an identify also by traits.email',
    (at) => {
      at.pipelines('identify', { traits: { email: 'a@x.io' } })
      ok(at.person('email:a@x.io'))
      deepEqual(
        [{ userId: '1' }, { anonymousId: 'x' }, {}].map(
          (who) => at.pipelines('track', { ...who, event: 'a' }, STRICT).status,
        ),
        [200, 200, 400],
      )
    },
  ],
  [
    'P',
    'messageId tells events apart',
    (at) => {
      for (let n = 0; n < 2; n += 1) at.pipelines('track', { userId: '1', event: 'a', messageId: 'm' })
      deepEqual(at.names(), ['a'])
    },
  ],
  [
    'P',
    'ISO 8601 becomes unix seconds',
    (at) => {
      at.pipelines('track', { userId: '1', event: 'a', timestamp: '2026-11-24T11:00:00Z' })
      const { data } = JSON.parse(at.call('GET', '/_emulator/events').body)
      equal(data[0].timestamp, SECONDS - 3600)
    },
  ],
  [
    'P',
    'a group is an object of type 1 unless told, with the person related to it',
    (at) => {
      at.pipelines('group', {
        userId: '1',
        groupId: 'acme',
        traits: { relationshipAttributes: { role: 'r' } },
      })
      deepEqual(at.person('id:1')?.relationships, [
        { object_type_id: '1', object_id: 'acme', attributes: { role: 'r' } },
      ])
    },
  ],
  [
    'P',
    'semantic events of people, devices and objects are acts',
    (at) => {
      const track = (event: string, more: object = {}) =>
        at.pipelines('track', { userId: '1', event, ...more }, STRICT)
      const context = { device: { token: 't', type: 'ios' } }
      equal(track('Device Created or Updated', { context }).status, 200)
      equal(at.person('id:1')?.devices.length, 1)
      track('Device Deleted', { context })
      equal(at.person('id:1')?.devices.length, 0)
      at.pipelines('group', { userId: '1', groupId: 'acme' })
      track('Relationship Deleted', { properties: { objectId: 'acme' } })
      equal(at.person('id:1')?.relationships.length, 0)
      track('Object Deleted', { properties: { objectId: 'acme' } })
      equal(at.stats.objects, 0)
      track('User Suppressed')
      deepEqual([at.stats.people, at.stats.suppressed > 0], [0, true])
      track('User Unsuppressed')
      equal(at.stats.suppressed, 0)
      at.put('1')
      track('User Deleted')
      equal(at.stats.people, 0)
      deepEqual(at.names(), [], 'none of them is an event')
    },
  ],
  [
    'P',
    'a delivery has four metrics here, and content two actions',
    (at) => {
      const report = (metric: string) =>
        at.pipelines(
          'track',
          { userId: '1', event: 'Report Delivery Event', properties: { deliveryId: 'd', metric } },
          STRICT,
        ).status
      deepEqual(
        ['delivered', 'clicked', 'converted', 'opened', 'seen'].map(report),
        [200, 200, 200, 200, 400],
      )
      const content = (actionType: string) =>
        at.pipelines(
          'track',
          { userId: '1', event: 'Report Content Event', properties: { actionType, contentId: 1 } },
          STRICT,
        ).status
      deepEqual(['viewed_content', 'clicked_content', 'read'].map(content), [200, 200, 400])
    },
  ],
]
