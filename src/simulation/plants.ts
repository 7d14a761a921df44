/**
 * Mistakes that somebody has made, planted between the gateway and its ports: a simulation that does not notice one of
 * them is blind for its kind.
 */
import type { Bus, Subscription } from '../bus/bus.ts'
import { elements, memberMap } from '../core/json.ts'
import { type BusRecord, HEADER } from '../core/record.ts'
import type { Call, Remote, Reply } from '../customerio/http.ts'
import type { GatewayOptions } from '../gateway.ts'
import type { Disk } from '../sqlite/disk.ts'
import type { World } from '../world.ts'

export type Plant = (options: GatewayOptions) => GatewayOptions

export const PLANTS: Readonly<Record<string, Plant>> = {
  'answers before it stores': aroundBus((bus) => ({
    publish: async (topic, records) => void bus.publish(topic, records).catch(() => {}),
  })),
  'settles what it is handed': aroundBus((bus) => ({
    subscribe: async (...asked) => settlingAtOnce(await bus.subscribe(...asked)),
  })),
  'forgets who is one person': aroundBus((bus) => ({
    publish: (topic, records) => bus.publish(topic, records.map(withoutAlsoKeys)),
  })),
  'keeps no order of a person': aroundBus((bus) => ({
    publish: (topic, records) =>
      bus.publish(
        topic,
        records.map((record) => ({ ...withoutAlsoKeys(record), key: record.id })),
      ),
  })),
  'swallows errors of the disk': aroundWorld((world) => ({ disk: swallowing(world.disk) })),
  'takes a 207 for a success': aroundReplies((reply) =>
    reply.status === 207 ? { ...reply, status: 200, body: '{}' } : reply,
  ),
  'counts the items of a 207 from one': aroundReplies((reply) =>
    reply.status === 207 ? { ...reply, body: reply.body.replace(/"batch_index":(\d+)/g, shifted) } : reply,
  ),
  'makes dead letters of a 401': aroundReplies((reply) =>
    reply.status === 401 ? { ...reply, status: 400 } : reply,
  ),
  'takes a 5xx for the end': aroundReplies((reply) =>
    reply.status !== null && reply.status >= 500 ? { ...reply, status: 400 } : reply,
  ),
  'takes a broken connection for a success': aroundReplies((reply) =>
    reply.status === null
      ? { ...reply, status: 200, body: '{}', retryAfter: undefined, location: undefined }
      : reply,
  ),
  'does not wait as long as it is told': aroundReplies((reply) =>
    reply.status === null ? reply : { ...reply, retryAfter: undefined },
  ),
  'gives an event a new id at every try': aroundCalls(freshIds()),
  'sends a batch backwards': aroundCalls((call) => {
    const items = elements(memberMap(call.body ?? '{}').get('batch') ?? '[]')
    return call.endpoint === 'batch' ? { ...call, body: `{"batch":[${items.toReversed().join(',')}]}` } : call
  }),
}

function aroundBus(change: (bus: Bus) => Partial<Bus>): Plant {
  return (options) => ({
    ...options,
    aroundBus: (bus) => ({
      features: bus.features,
      publish: (...asked) => bus.publish(...asked),
      subscribe: (...asked) => bus.subscribe(...asked),
      lag: (...asked) => bus.lag(...asked),
      read: (...asked) => bus.read(...asked),
      [Symbol.asyncDispose]: () => bus[Symbol.asyncDispose](),
      ...change(bus),
    }),
  })
}

function aroundWorld(change: (world: World) => Partial<World>): Plant {
  return (options) => ({
    ...options,
    ...(options.world && { world: { ...options.world, ...change(options.world) } }),
  })
}

function aroundRemote(change: (remote: Remote) => Remote['send']): Plant {
  return aroundWorld(({ connect }) => ({
    connect: (options) => {
      const remote = connect(options)
      return { send: change(remote), [Symbol.asyncDispose]: () => remote[Symbol.asyncDispose]() }
    },
  }))
}

function aroundReplies(change: (reply: Reply) => Reply): Plant {
  return aroundRemote((remote) => async (call) => change(await remote.send(call)))
}

function aroundCalls(change: (call: Call) => Call): Plant {
  return aroundRemote((remote) => (call) => remote.send(change(call)))
}

/** What a consumer with automatic commits does. */
function settlingAtOnce(real: Subscription): Subscription {
  return {
    get share() {
      return real.share
    },
    async *[Symbol.asyncIterator]() {
      for await (const records of real) {
        await real.settle(records)
        yield records
      }
    },
    settle: async (places) => places.length,
    [Symbol.asyncDispose]: () => real[Symbol.asyncDispose](),
  }
}

function withoutAlsoKeys(record: BusRecord): BusRecord {
  const { [HEADER.alsoKeys]: _, ...headers } = record.headers
  return { ...record, headers }
}

function swallowing(disk: Disk): Disk {
  return {
    ...disk,
    makeDirectory: (path) => disk.makeDirectory(path),
    exists: (path) => disk.exists(path),
    syncedFile: (path) => disk.syncedFile(path),
    free: (path) => disk.free(path),
    reserve: (path, bytes) => disk.reserve(path, bytes),
    remove: (path) => disk.remove(path),
    move: (from, to) => disk.move(from, to),
    database: (path, timeoutMs) => {
      const db = disk.database(path, timeoutMs)
      const exec = db.exec.bind(db)
      db.exec = (sql) => {
        try {
          exec(sql)
        } catch (thrown) {
          if (sql !== 'COMMIT') throw thrown
          if (db.isTransaction) exec('ROLLBACK')
        }
      }
      return db
    },
  }
}

const shifted = (_: string, index: string): string => `"batch_index":${Number(index) + 1}`

/** Ids that nobody has given: the last digits count the calls. */
function freshIds(): (call: Call) => Call {
  let calls = 0
  return (call) => {
    calls += 1
    const tail = String(calls).padStart(6, '0')
    const body = call.body?.replace(/"id":"([0-9A-Z]{20})[0-9A-Z]{6}"/g, (_, head) => `"id":"${head}${tail}"`)
    return body === undefined ? call : { ...call, body }
  }
}
