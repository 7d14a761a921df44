/** What of the Kafka bus needs no broker: who gets which lane, and how a position is kept. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { assign, type Claim, decodeClaim, encodeClaim } from './kafka-assign.ts'
import { decodePosition, encodePosition } from './kafka-position.ts'
import type { Range } from './progress.ts'

const LANES = 8

/** Members that join with what they hold, lose what they are not given, and join again, until nothing changes. */
function rebalance(
  members: readonly string[],
  held: Map<string, readonly number[]>,
  generation: number,
): number {
  for (let round = 1; ; round += 1) {
    const claims = new Map<string, Claim>(
      members.map((member) => [member, { generation, lanes: held.get(member) ?? [] }]),
    )
    const given = assign(claims, LANES)
    const owners = [...given.values()].flat()
    assert.equal(new Set(owners).size, owners.length, 'no lane has two owners')
    for (const [member, lanes] of given)
      for (const lane of lanes)
        assert.ok(
          members.every((other) => other === member || !claims.get(other)?.lanes.includes(lane)),
          'nobody is given what another still holds',
        )
    for (const member of members) held.set(member, given.get(member) ?? [])
    if (owners.length === LANES) return round
    assert.ok(round < 4, 'it does not end')
  }
}

test('whoever comes and goes: no lane has two owners, all are given out in two rounds, as evenly as can be', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 8 }), (sizes) => {
      const held = new Map<string, readonly number[]>()
      for (const [generation, size] of sizes.entries()) {
        const members = Array.from({ length: size }, (_, n) => `m${n}`)
        for (const member of [...held.keys()]) if (!members.includes(member)) held.delete(member)
        assert.ok(rebalance(members, held, generation) <= 2)
        const counts = members.map((member) => held.get(member)?.length ?? 0)
        assert.ok(Math.max(...counts) - Math.min(...counts) <= 1, counts.join(' '))
      }
    }),
    { seed: 1 },
  )
})

test('of two that claim a lane the one of the later generation holds it, and nonsense claims nothing', () => {
  const claims = new Map<string, Claim>([
    ['awake', { generation: 7, lanes: [0, 1] }],
    ['stopped', { generation: 3, lanes: [0, 1] }],
  ])
  const given = assign(claims, 2)
  assert.ok([...(given.get('awake') ?? [])].length >= 1)
  assert.ok(!(given.get('stopped') ?? []).some((lane) => claims.get('awake')?.lanes.includes(lane)))
  assert.deepEqual(decodeClaim(encodeClaim({ generation: 4, lanes: [2] })), { generation: 4, lanes: [2] })
  for (const bytes of [undefined, Buffer.from('{'), Buffer.from('{"lanes":3}')])
    assert.deepEqual(decodeClaim(bytes), { generation: -1, lanes: [] })
})

const positions = fc
  .tuple(
    fc.nat(2 ** 40),
    fc.array(fc.tuple(fc.integer({ min: 1, max: 5_000 }), fc.nat(300)), { maxLength: 2_500 }),
  )
  .map(([position, gaps]) => {
    const above: Range[] = []
    let last = position
    for (const [gap, length] of gaps) {
      const from = last + gap + 1
      last = from + length
      above.push({ from, to: last })
    }
    return { position, above }
  })

test('a position comes back as it was, as far as the broker keeps it, and never says more than is settled', () => {
  fc.assert(
    fc.property(positions, (saved) => {
      const committed = encodePosition(saved)
      assert.ok(committed.metadata.length <= 4096)
      const again = decodePosition(committed)
      assert.equal(again.position, saved.position)
      assert.deepEqual(again.above, saved.above.slice(0, again.above.length))
      if (saved.above.length <= 760) assert.equal(again.above.length, saved.above.length)
    }),
    { seed: 1, numRuns: 60 },
  )
  assert.deepEqual(decodePosition({ offset: 9, metadata: 'of another' }), { position: 9, above: [] })
})
