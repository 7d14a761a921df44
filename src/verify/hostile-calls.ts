/** Hostile calls made from good ones: bytes, tokens and structure changed by a seeded generator. */
import type { Random } from '../core/clock.ts'

export interface HostileCall {
  readonly method: 'PUT' | 'POST' | 'DELETE'
  readonly path: string
  readonly body: Buffer
}

const GOOD: readonly (readonly [HostileCall['method'], string, string])[] = [
  ['PUT', '/api/v1/customers/42', '{"email":"a@b.c","plan":"pro","n":1.50,"_timestamp":1790000000}'],
  [
    'POST',
    '/api/v1/customers/42/events',
    '{"name":"order","id":"01ARZ3NDEKTSV4RRFFQ69G5FAV","data":{"total":12345678901234567890,"items":[1,2]}}',
  ],
  ['POST', '/api/v1/events', '{"name":"seen","anonymous_id":"x","data":{"a":{"b":{"c":[]}}}}'],
  ['PUT', '/api/v1/customers/42/devices', '{"device":{"id":"t","platform":"ios","last_used":"1790000000"}}'],
  ['POST', '/api/v1/merge_customers', '{"primary":{"id":"1"},"secondary":{"email":"a@b.c"}}'],
  ['DELETE', '/api/v1/customers/42', '{}'],
  [
    'POST',
    '/api/v2/entity',
    '{"type":"person","identifiers":{"id":"42"},"action":"identify","attributes":{"a":1e5,"u":"\\u00e9"}}',
  ],
  [
    'POST',
    '/api/v2/entity',
    '{"type":"object","identifiers":{"object_type_id":"1","object_id":"acme"},"action":"identify","attributes":{"n":"x"}}',
  ],
  [
    'POST',
    '/api/v2/batch',
    '{"batch":[{"type":"person","identifiers":{"id":"1"},"action":"event","name":"n"},{"type":"person","identifiers":{"email":"a@b.c"},"action":"delete"}]}',
  ],
  [
    'POST',
    '/api/v2/entity',
    '{"type":"person","identifiers":{"id":"42"},"action":"add_relationships","cio_relationships":[{"identifiers":{"object_type_id":"1","object_id":"acme"},"relationship_attributes":{"role":"x"}}]}',
  ],
  ['POST', '/api/v1/segments/7/add_customers', '{"ids":["1",2,"a@b.c"]}'],
  ['POST', '/api/v1/forms/f/submit', '{"data":{"email":"a@b.c","city":"x"}}'],
  ['POST', '/api/v1/metrics', '{"delivery_id":"d","metric":"opened","timestamp":1790000000}'],
  ['POST', '/unsubscribe/d', '{"unsubscribe":true}'],
  [
    'POST',
    '/v1/identify',
    '{"userId":"42","traits":{"email":"a@b.c","born":"2023-11-14","n":1.50},"timestamp":"2026-11-24T12:00:00.000Z"}',
  ],
  [
    'POST',
    '/v1/track',
    '{"userId":"42","event":"order","properties":{"total":12345678901234567890,"at":"2026-11-24"},"messageId":"m"}',
  ],
  ['POST', '/v1/track', '{"userId":"42","event":"Device Deleted","context":{"device":{"token":"t"}}}'],
  ['POST', '/v1/group', '{"userId":"42","groupId":"acme","traits":{"name":"x","objectTypeId":1}}'],
  [
    'POST',
    '/v1/batch',
    '{"batch":[{"type":"page","anonymousId":"a","name":"n"},{"type":"alias","userId":"1","previousId":"2"}],"context":{}}',
  ],
]

/** What has hurt somebody's parser before. */
const TOKENS = [
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '"',
  '\\',
  '\\"',
  '""',
  '{}',
  '[]',
  'null',
  'true',
  '0',
  '-0',
  '1e400',
  '1E-400',
  '-',
  '.5',
  '12345678901234567890',
  '1790000000000',
  '"\\ud800"',
  '"\\u0000"',
  '"\u2028"',
  '"😀"',
  '{"toString":[]}',
  '{"valueOf":1,"toString":1}',
  '"__proto__":',
  '"constructor":',
  '"id":',
  '"type":',
  '"batch":',
  '"identifiers":',
  '"":',
  '\ufeff',
  '\u0000',
  '\n',
  '\t',
  '/*',
  '//',
  'NaN',
  'undefined',
]

/** Identifiers for the path, percent-encoded and not. */
const IDS = [
  '42',
  '',
  '%',
  '%2',
  '%zz',
  '%2F',
  '..%2f',
  'a/b',
  'cio_',
  'cio_a3',
  '@',
  'a@b.c',
  '%00',
  '%ED%A0%80',
  '%F0%9F%98%80',
  '%20',
  '?x=1',
  '#',
  '%C0%AF',
  'x'.repeat(200),
]

const pick = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random() * list.length)] as T // never empty

type Mutate = (text: string, random: Random) => string

const at = (text: string, random: Random) => Math.floor(random() * (text.length + 1))

const MUTATIONS: readonly Mutate[] = [
  (text, random) => splice(text, at(text, random), 0, pick(random, TOKENS)),
  (text, random) => splice(text, at(text, random), Math.ceil(random() * 4), pick(random, TOKENS)),
  (text, random) => splice(text, at(text, random), Math.ceil(random() * 8), ''),
  (text, random) => splice(text, at(text, random), 1, String.fromCharCode(Math.floor(random() * 256))),
  (text, random) => text.replace(/"[^"]*"/, () => JSON.stringify('x'.repeat(Math.floor(random() * 2_000)))),
  (text, random) => text.replace(/[:[]/, (opening) => opening + '['.repeat(Math.floor(random() * 60))),
  (text, random) => text.slice(0, at(text, random)),
  (text) => text + text,
  (text, random) => text.replace(/\d+/, () => pick(random, TOKENS)),
  (text, random) => text.replace(/:("[^"]*"|[\d.]+)/, () => `:${pick(random, TOKENS)}`),
  (text) => text.replace(/}$/, ',"timestamp":{"toString":[]}}'),
  (text) => text.replace(/"(\w+)":/, '"$1":1,"$1":'),
]

const splice = (text: string, from: number, gone: number, news: string) =>
  text.slice(0, from) + news + text.slice(from + gone)

/** A call, sometimes as good as it was, mostly not. */
export function makeCall(random: Random): HostileCall {
  const [method, goodPath, goodBody] = pick(random, GOOD)
  let text = goodBody
  for (let times = Math.floor(random() * 4); times > 0; times -= 1)
    text = pick(random, MUTATIONS)(text, random)
  const body = Buffer.from(text, random() < 0.05 ? 'latin1' : 'utf8')
  const path = random() < 0.2 ? goodPath.replace('42', () => pick(random, IDS)) : goodPath
  return { method, path, body }
}
