import assert from 'node:assert/strict'
import { test } from 'node:test'
import { singleCall } from './track.ts'

const BIG = '12345678901234567890'

/** Kind, the value after its type and action, and what is called. */
const TABLE: readonly [kind: string, rest: string, endpoint: string, path: string, body: string][] = [
  [
    'segment.add',
    `"segment_id":"7","body":{ "ids": ["a", ${BIG}] }`,
    'segments',
    '/api/v1/segments/7/add_customers',
    `{ "ids": ["a", ${BIG}] }`,
  ],
  [
    'segment.remove',
    '"segment_id":"a/b","id_type":"email","body":{"ids":["a@b.c"]}',
    'segments',
    '/api/v1/segments/a%2Fb/remove_customers?id_type=email',
    '{"ids":["a@b.c"]}',
  ],
  [
    'form.submit',
    '"form_id":"sign up?","body":{"data":{"id":"1","n":"2"}}',
    'forms',
    '/api/v1/forms/sign%20up%3F/submit',
    '{"data":{"id":"1","n":"2"}}',
  ],
  [
    'metric.report',
    '"body":{ "delivery_id":"d","metric":"opened","timestamp":7 }',
    'metrics',
    '/api/v1/metrics',
    '{ "delivery_id":"d","metric":"opened","timestamp":7 }',
  ],
  [
    'metric.report',
    `"timestamp":9,"body":{"delivery_id":"d","timestamp":null,"n":${BIG}}`,
    'metrics',
    '/api/v1/metrics',
    `{"delivery_id":"d","timestamp":9,"n":${BIG}}`,
  ],
  [
    'push.report',
    '"timestamp":9,"body":{"delivery_id":"d","event":"opened"}',
    'push_events',
    '/api/v1/push/events',
    '{"delivery_id":"d","event":"opened","timestamp":9}',
  ],
  [
    'in_app.report',
    '"timestamp":9,"body":{"type":"in_app","payload":{"delivery_id":"d","event":"opened"}}',
    'in_app_events',
    '/api/v1/cio_deliveries/events',
    '{"type":"in_app","payload":{"delivery_id":"d","event":"opened","timestamp":9}}',
  ],
  [
    'unsubscribe.report',
    '"delivery_id":"d=","body":{"unsubscribe":true}',
    'unsubscribe',
    '/unsubscribe/d%3D',
    '{"unsubscribe":true}',
  ],
]

for (const [kind, rest, endpoint, path, body] of TABLE)
  test(`${kind} of ${rest} is called as it came`, () => {
    const [type, action] = kind.split('.')
    const call = singleCall(kind, `{"type":"${type}","action":"${action}",${rest}}`)
    assert.deepEqual(call, { endpoint, method: 'POST', path, body })
  })
