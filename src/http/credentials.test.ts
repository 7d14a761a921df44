import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { character } from '../../test/character.ts'
import { digest, readBasic, readBearer, sameSecret } from './credentials.ts'

const BASIC = [
  { header: 'Basic ZGV2OmRldg==', user: 'dev', password: 'dev' },
  { header: 'basic ZGV2OmRldg', user: 'dev', password: 'dev' },
  { header: 'Basic Oj8/Pz4+Pg==', user: '', password: '???>>>' },
  { header: 'Basic Oj8_Pz4-Pg==', user: '', password: '???>>>' },
  { header: 'Basic YTpiOmM=', user: 'a', password: 'b:c' },
]

for (const { header, user, password } of BASIC)
  test(`${header} is read`, () => assert.deepEqual(readBasic(header), { user, password }))

for (const header of [
  undefined,
  '',
  'Basic',
  'Basic !!!',
  'Basic ZGV2',
  'Bearer ZGV2OmRldg==',
  'Basic ZGV2 OmRldg==',
])
  test(`${header} holds no Basic credentials`, () => assert.equal(readBasic(header), undefined))

test('any user without a colon and any password come back, in either alphabet', () => {
  const user = fc.string({ unit: character }).filter((text) => !text.includes(':'))
  fc.assert(
    fc.property(
      user,
      fc.string({ unit: character }),
      fc.constantFrom('base64', 'base64url'),
      (user, password, alphabet) => {
        fc.pre(user.length + password.length > 0)
        const encoded = Buffer.from(`${user}:${password}`, 'utf8').toString(
          alphabet as 'base64' | 'base64url',
        )
        assert.deepEqual(readBasic(`Basic ${encoded}`), { user, password })
      },
    ),
  )
})

test('a bearer token is read, and nothing else for one', () => {
  assert.equal(readBearer('Bearer abc.DEF-1'), 'abc.DEF-1')
  assert.equal(readBearer('bearer abc'), 'abc')
  for (const header of [undefined, '', 'Bearer', 'Bearer ', 'Bearer a b', 'Basic abc'])
    assert.equal(readBearer(header), undefined)
})

test('secrets are compared by their digests, whatever their lengths', () => {
  assert.ok(sameSecret(digest('dev:dev'), digest('dev:dev')))
  assert.ok(!sameSecret(digest('dev:dev'), digest('dev:dev2')))
  assert.ok(!sameSecret(digest(''), digest('x'.repeat(1000))))
})
