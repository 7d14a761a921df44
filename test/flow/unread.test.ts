import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEV_DEFAULTS, loadConfig } from '../../src/config.ts'
import { silent } from '../../src/core/notices.ts'
import { TOPICS } from '../../src/core/record.ts'
import { openLocalBus } from '../../src/stores.ts'
import { realWorld } from '../../src/world.ts'
import { temporary } from './stand.ts'

test('what was taken where nothing delivers is not removed for its age', async () => {
  const directory = temporary()
  const env = { SLUICE_DATA_DIR: directory, SLUICE_ROLES: 'ingest' }
  const { config } = await loadConfig({ env, cwd: directory, defaults: DEV_DEFAULTS })
  await using bus = await openLocalBus(config, { world: realWorld(), notify: silent, onFatal: () => {} })
  await bus.publish(TOPICS.events, [
    { id: '1', key: 'a', kind: 'person.event', at: 1, headers: {}, value: '{}' },
  ])
  assert.equal(await bus.trim(Number.POSITIVE_INFINITY), 0)
})
