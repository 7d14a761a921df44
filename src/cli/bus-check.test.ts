import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TopicInfo } from '../admin/wire.ts'
import { TOPICS } from '../core/record.ts'
import { checkTopics } from './bus-check.ts'

const topic = (name: string, more: Partial<TopicInfo> = {}): TopicInfo => ({
  topic: `staging.${name}`,
  lanes: 4,
  replicas: 3,
  in_sync: 3,
  min_in_sync: 2,
  retention_s: null,
  ...more,
})

test('doctor says what is wrong with the topics on Kafka, the worst first', () => {
  const good = Object.values(TOPICS).map((name) => topic(name))
  const found = (...more: readonly TopicInfo[]) => {
    const { state, found } = checkTopics([...more, ...good], 4)
    return `${state}: ${found}`
  }
  assert.equal(found(), 'ok: 8 topics of 4 partitions')
  assert.equal(
    found(topic('customerio.dlq', { retention_s: 60 }), topic('x', { in_sync: 1 })),
    'fail: staging.x has 1 copies in sync and needs 2',
  )
  assert.equal(
    found(topic('customerio.transactional', { retention_s: 604_800 })),
    'warn: staging.customerio.transactional loses what is older than 604800 s',
  )
  assert.equal(checkTopics(good, 16).state, 'warn', 'other partitions than the settings say')
})
