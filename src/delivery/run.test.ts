import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LIMITS } from '../core/limits.ts'
import { KINDS } from '../core/operation.ts'
import { makeOp, type Op } from './op.ts'
import { formRun, isBarrier, isSingle } from './run.ts'

const ROOM = { items: 1000, bytes: 500_000 }

function op(kind: string, value = '{}'): Op {
  const place = { topic: 'customerio.events', lane: 0, offset: 0, epoch: 1 }
  return makeOp({ id: '', key: 'k', kind, at: 0, headers: {}, value, ...place })
}

test('what only v1 has a form for travels alone, whatever stands behind it', () => {
  const alone = Object.keys(KINDS).filter((kind) => isSingle(op(kind)))
  assert.deepEqual(alone, [
    'anonymous.event',
    'segment.add',
    'segment.remove',
    'form.submit',
    'metric.report',
    'push.report',
    'in_app.report',
    'unsubscribe.report',
  ])
  for (const kind of alone) assert.equal(formRun([op(kind), op(kind)], ROOM)?.ops.length, 1)
})

test('a change of a segment is waited for like a delete', () => {
  assert.deepEqual(
    Object.keys(KINDS).filter((kind) => isBarrier(op(kind))),
    [
      'person.delete',
      'person.merge',
      'person.suppress',
      'person.unsuppress',
      'object.delete',
      'segment.add',
      'segment.remove',
    ],
  )
})

test('an event of more than 32 KB ends the run before it', () => {
  const large = op('person.event', `{"a":"${'x'.repeat(LIMITS.itemBytes)}"}`)
  assert.equal(formRun([op('person.event'), op('person.event'), large], ROOM)?.ops.length, 2)
  assert.equal(formRun([large, op('person.event')], ROOM)?.ops.length, 1)
})
