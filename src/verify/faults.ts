/**
 * The faults that controls plant between the stages and their ports, by name: each is a mistake that somebody has made, and
 * none changes a line of the code that it is planted in.
 */
import type { Bus, Subscription } from '../bus/bus.ts'
import { elements, memberMap } from '../core/json.ts'
import type { Received } from '../core/record.ts'
import { makeUlids } from '../core/ulid.ts'
import { type Call, connectRemote, type Remote, type Reply } from '../customerio/http.ts'
import type { GatewayOptions } from '../gateway.ts'
import { realWorld } from '../world.ts'

interface Fault {
  readonly bus?: (real: Bus) => Bus
  readonly remote?: (real: Remote) => Remote
}

/** A bus with some of its verbs replaced. */
export const busWith =
  (change: (real: Bus) => Partial<Bus>) =>
  (real: Bus): Bus => ({
    features: real.features,
    publish: (...given) => real.publish(...given),
    subscribe: (...given) => real.subscribe(...given),
    lag: (...given) => real.lag(...given),
    read: (...given) => real.read(...given),
    [Symbol.asyncDispose]: () => real[Symbol.asyncDispose](),
    ...change(real),
  })

async function* reversed(subscription: Subscription): AsyncGenerator<readonly Received[]> {
  for await (const records of subscription) yield records.toReversed()
}

/** A remote whose calls and replies are changed on their way. */
const remoteWith =
  (change: { call?: (call: Call) => Call; reply?: (reply: Reply, call: Call) => Reply }) =>
  (real: Remote): Remote => ({
    send: async (call) => {
      const sent = change.call?.(call) ?? call
      const reply = await real.send(sent)
      return change.reply?.(reply, sent) ?? reply
    },
    [Symbol.asyncDispose]: () => real[Symbol.asyncDispose](),
  })

const itemsOf = (call: Call): readonly string[] => elements(memberMap(call.body ?? '{}').get('batch') ?? '[]')

const ulids = makeUlids()
const withNewIds = (body: string): string =>
  body.replaceAll(/"id":"01K[^"]*"/g, () => `"id":"${ulids(Date.now())}"`)

export const FAULTS = {
  /** Answers before the commit: the acknowledged record is on its way to the disk. */
  answerEarly: {
    bus: busWith((real) => ({
      publish: async (topic, records) => {
        real.publish(topic, records).catch(() => {}) // the process is killed; nobody asks any more
      },
    })),
  },
  /** Does its work where every caller waits for it. */
  holdsLoop: {
    bus: busWith((real) => ({
      publish: (topic, records) => {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 150)
        return real.publish(topic, records)
      },
    })),
  },
  /** Writes accents in one form, as file systems and databases have done. */
  foldedIds: {
    bus: busWith((real) => ({
      publish: (topic, records) =>
        real.publish(
          topic,
          records.map((record) => ({ ...record, value: record.value.normalize('NFC') })),
        ),
    })),
  },
  /** Parses every value and prints it again, as any framework does that knows only objects. */
  printedAgain: {
    bus: busWith((real) => ({
      publish: (topic, records) =>
        real.publish(
          topic,
          records.map((record) => ({ ...record, value: JSON.stringify(JSON.parse(record.value)) })),
        ),
    })),
  },
  /** Hands over what waits with the newest first. */
  newestFirst: {
    bus: busWith((real) => ({
      subscribe: async (...given) => {
        const subscription = await real.subscribe(...given)
        return {
          [Symbol.asyncIterator]: () => reversed(subscription),
          get share() {
            return subscription.share
          },
          settle: (places) => subscription.settle(places),
          [Symbol.asyncDispose]: () => subscription[Symbol.asyncDispose](),
        }
      },
    })),
  },
  /** Takes the refusal of a whole batch for a refusal of each of its items. */
  condemnBatches: {
    remote: remoteWith({
      reply: (reply, call) => {
        if (reply.status !== 400 || call.endpoint !== 'batch') return reply
        const errors = itemsOf(call).map((_, batch_index) => ({ batch_index, reason: 'invalid' }))
        return { ...reply, status: 207, body: JSON.stringify({ errors }) }
      },
    }),
  },
  /** Takes a 207 for a success of all items. */
  trust207: {
    remote: remoteWith({
      reply: (reply) => (reply.status === 207 ? { ...reply, status: 200, body: '{}' } : reply),
    }),
  },
  /** Gives every event a new id at every attempt, as a client does that draws it where it sends. */
  renewIds: {
    remote: remoteWith({
      call: (call) => (call.body === undefined ? call : { ...call, body: withNewIds(call.body) }),
    }),
  },
} as const satisfies Record<string, Fault>

export type FaultName = keyof typeof FAULTS

/** The options of a gateway with that fault in it; without one, of the gateway as it is. */
export function plant(name: FaultName | undefined): GatewayOptions {
  if (name === undefined) return {}
  const { bus, remote }: Fault = FAULTS[name]
  return {
    ...(bus && { aroundBus: bus }),
    ...(remote && { world: { ...realWorld(), connect: (options) => remote(connectRemote(options)) } }),
  }
}
