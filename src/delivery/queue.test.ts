import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Queue } from './queue.ts'

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ push: fc.nat(99) }) },
  { weight: 3, arbitrary: fc.constant({ shift: true as const }) },
  { weight: 2, arbitrary: fc.record({ unshift: fc.array(fc.nat(99), { maxLength: 9 }) }) },
  { weight: 1, arbitrary: fc.record({ keep: fc.constantFrom(0, 1) }) },
)

test('it does what a list does, however it is turned and however long it gets', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const queue = new Queue<number>()
      let list: number[] = []
      for (const one of steps) {
        if ('push' in one) {
          queue.push(one.push)
          list.push(one.push)
        } else if ('shift' in one) assert.equal(queue.shift(), list.shift())
        else if ('unshift' in one) {
          queue.unshift(one.unshift)
          list.unshift(...one.unshift)
        } else {
          const stays = (item: number) => item % 2 === one.keep
          assert.deepEqual(
            queue.filter(stays),
            list.filter((item) => !stays(item)),
          )
          list = list.filter(stays)
        }
        assert.deepEqual([[...queue], queue.length, queue.first], [list, list.length, list[0]])
        assert.deepEqual(queue.slice(1, list.length), list.slice(1))
        assert.deepEqual([queue.at(list.length - 1), queue.at(list.length)], [list.at(-1), undefined])
      }
    }),
  )
})
