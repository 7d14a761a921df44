/** Everything that is known of Customer.io, asked of the emulator. What is not known stands in its coverage table. */
import { describe, test } from 'node:test'
import { APP } from './app.ts'
import { EVENTS } from './events.ts'
import { LIMITS } from './limits.ts'
import { PEOPLE } from './people.ts'
import { PIPELINES } from './pipelines.ts'
import { TRANSPORT } from './transport.ts'
import { V2 } from './v2.ts'
import { World } from './world.ts'

const AREAS = { TRANSPORT, PEOPLE, EVENTS, V2, LIMITS, PIPELINES, APP }

for (const [area, facts] of Object.entries(AREAS))
  describe(area.toLowerCase(), () => {
    for (const [source, fact, check] of facts) test(`${fact} (${source})`, () => check(new World()))
  })
