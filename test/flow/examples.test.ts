/**
 * Every example of Customer.io's own descriptions of the Track and Pipelines APIs, through the gateway and straight at the
 * emulator. Samples that are nothing but an empty object are none.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { startEmulator } from '../../src/emulator/emulator.ts'
import { holdings } from './holdings.ts'
import { stand } from './stand.ts'

interface Example {
  readonly method: string
  readonly path: string
  readonly body?: unknown
}

const examplesOf = (api: string): readonly Example[] =>
  JSON.parse(readFileSync(new URL(`../fixtures/${api}-examples.json`, import.meta.url), 'utf8'))

const EXAMPLES = [...examplesOf('track'), ...examplesOf('pipelines')]

/** The strict mode of the Pipelines API, which would refuse what the other drops in silence. */
const headersFor = (path: string) => ({
  authorization: `Basic ${btoa(path.startsWith('/v1/') ? 'dev:' : 'dev:dev')}`,
  'content-type': 'application/json',
  'x-strict-mode': '1',
})

/** What is said of an object has no order with what is said of its people, and makes those that are not there: it is said apart. */
const isOfObjects = (body: unknown) => /object_|objectId|groupId|cio_relationships/.test(JSON.stringify(body))

async function sayAll(url: string, drained: () => Promise<void>): Promise<void> {
  for (const { method, path, body } of EXAMPLES) {
    if (isOfObjects(body)) await drained()
    const answer = await fetch(`${url}${path}`, {
      method,
      headers: headersFor(path),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    assert.ok(
      answer.ok && answer.status !== 207,
      `${method} ${path}: ${answer.status} ${await answer.text()}`,
    )
    if (isOfObjects(body)) await drained()
  }
}

test(`the ${EXAMPLES.length} examples are accepted, delivered, and leave what they would leave without a gateway`, async () => {
  const { gateway, emulator, drained } = await stand()
  await sayAll(gateway.url, drained)
  await drained()
  const figures = await gateway.conservation()
  assert.deepEqual([figures.dead, figures.missing], [0, 0])

  await using straight = await startEmulator({ port: 0 })
  await sayAll(straight.url, async () => straight.settle())
  straight.settle()
  assert.deepEqual(peopleAndEvents(await holdings(emulator)), peopleAndEvents(await holdings(straight)))
})

/**
 * Order is kept for a person and for an object, not between the two: the examples delete the object that their people
 * are related to, and which of the two is done first is left open. Holding both would put all people of one company
 * into one line.
 */
const peopleAndEvents = ({ people, events }: Awaited<ReturnType<typeof holdings>>) => ({
  people: people.map(({ relationships: _, ...person }) => person),
  events,
})
