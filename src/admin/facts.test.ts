import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openMemoryBus } from '../bus/memory.ts'
import { systemClock } from '../core/clock.ts'
import { TOPICS } from '../core/record.ts'
import { openSqliteLedger } from '../ledger/sqlite.ts'
import { Facts } from './facts.ts'

test('figures are of one moment, though what is recorded is settled while they are put together', async () => {
  await using bus = openMemoryBus({ clock: systemClock })
  await using ledger = await openSqliteLedger({ directory: ':memory:' })
  const counts = { ...(await ledger.counts()), delivered: 2 }
  const delivery = {
    breaker: 'closed' as const,
    ratePerSecond: 1,
    ceilingPerSecond: 1,
    concurrency: 1,
    inFlight: 0,
    recorded: 2,
    lastAttempt: undefined,
  }
  const facts = new Facts({
    bus: {
      features: bus.features,
      read: (...given) => bus.read(...given),
      lag: async (topic, group) => {
        if (topic !== TOPICS.events) return bus.lag(topic, group)
        queueMicrotask(() => {
          delivery.recorded = 0
        })
        return { published: 9, unsettled: 9, oldestAt: undefined, positions: new Map() }
      },
    },
    log: undefined,
    ledger: { counts: async () => counts, dead: ledger.dead },
    group: 'delivery',
    inbox: [],
    delivery: () => delivery,
    recovered: Promise.resolve(),
    upstream: { url: '', region: 'us', ceiling: 1 },
  })
  assert.equal((await facts.conservation()).missing, 0)
})
