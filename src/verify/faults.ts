/** The faults that controls plant between the stages and their ports, by name: each is a mistake that somebody has made. */
import type { Bus } from '../bus/bus.ts'
import { elements, memberMap } from '../core/json.ts'
import { type Call, connectRemote, type Remote, type Reply } from '../customerio/http.ts'
import type { GatewayOptions } from '../gateway.ts'
import { realWorld } from '../world.ts'

export interface Fault {
  readonly bus?: (real: Bus) => Bus
  readonly remote?: (real: Remote) => Remote
}

/** The options of a gateway with that fault in it; without one, of the gateway as it is. */
export function plant(fault: Fault | undefined): GatewayOptions {
  const { bus, remote } = fault ?? {}
  return {
    ...(bus && { aroundBus: bus }),
    ...(remote && { world: { ...realWorld(), connect: (options) => remote(connectRemote(options)) } }),
  }
}

/** A remote whose calls and replies are changed on their way. */
function remoteWith(change: { call?: (call: Call) => Call; reply?: (reply: Reply, call: Call) => Reply }) {
  return (real: Remote): Remote => ({
    send: async (call) => {
      const reply = await real.send(change.call?.(call) ?? call)
      return change.reply?.(reply, call) ?? reply
    },
    [Symbol.asyncDispose]: () => real[Symbol.asyncDispose](),
  })
}

const itemsOf = (call: Call): number => elements(memberMap(call.body ?? '{}').get('batch') ?? '[]').length

/** Takes the refusal of a whole batch for a refusal of each of its items. */
export const condemnBatches: Fault = {
  remote: remoteWith({
    reply: (reply, call) => {
      if (reply.status !== 400 || call.endpoint !== 'batch') return reply
      const errors = Array.from({ length: itemsOf(call) }, (_, index) => ({
        batch_index: index,
        reason: 'invalid',
      }))
      return { ...reply, status: 207, body: JSON.stringify({ errors }) }
    },
  }),
}
