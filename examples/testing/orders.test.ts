// A test of an application against the whole gateway and a local Customer.io, in one process: node --test orders.test.ts
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadConfig, startGateway } from 'sluice'
import { CustomerIOService } from 'sluice/client'
import { startEmulator } from 'sluice/testing'

test('an order that is placed while Customer.io is away arrives once', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'orders-'))
  t.after(() => rmSync(directory, { recursive: true }))
  await using emulator = await startEmulator({ port: 0 })
  const { config } = await loadConfig({
    env: {
      CUSTOMERIO_SITE_ID: 'dev',
      CUSTOMERIO_API_KEY: 'dev',
      CUSTOMERIO_TRACK_URL: emulator.url,
      SLUICE_PORT: '0',
      SLUICE_DATA_DIR: directory,
      SLUICE_LOG_LEVEL: 'silent',
    },
    cwd: directory,
  })
  const delivered = Promise.withResolvers<void>()
  await using gateway = await startGateway(config, {
    onNotice: (name) => {
      if (name === 'delivery.settled') delivered.resolve()
    },
  })
  await using customerio = new CustomerIOService({ siteId: 'dev', apiKey: 'dev', gateway: gateway.url })

  emulator.faults.add({ kind: 'outage', status: 503, forMs: 300 })
  await customerio.track('42', 'order_completed', { total: 19.9 })
  assert.deepEqual(emulator.events(), [], 'it is on the disk, and nowhere else')
  await delivered.promise

  const events = emulator.events({ person: 'id:42' })
  assert.deepEqual(
    events.map(({ name, data }) => [name, data]),
    [['order_completed', { total: 19.9 }]],
  )
  assert.equal((await gateway.conservation()).missing, 0)
})
