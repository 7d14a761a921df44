/**
 * L5: the connection to Customer.io cut at every byte of a request and of its response. Whether the call had an effect is
 * then unknown; whatever it was, the event takes effect once, and of two identifies the later one stands.
 */
import { effectsOf } from './effects.ts'
import { idOf } from './load.ts'
import type { Proof, ProofContext } from './proof.ts'
import { openStand, type Stand } from './stand.ts'
import { openTcpProxy, type TcpProxy, type Treatment } from './tcp-proxy.ts'

/** Gateways that share the work, since a cut call waits up to 400 ms before it is repeated. */
const STANDS = 6
/** Every so many bytes. */
const STRIDE = { quick: 17, full: 1 }

export const cut: Proof = {
  id: 'L5',
  promises: ['P2', 'P3', 'P4'],
  claim:
    'A connection that is cut at any byte costs nothing: the event takes effect once, the last identify stands.',
  faultModel: 'reset or FIN after byte k of the request, and after byte k of the response, for all k',
  control: 'every attempt gives its events new ids',
  run: async (context) => {
    await using stack = new AsyncDisposableStack()
    const lines = await Promise.all(Array.from({ length: STANDS }, (_, n) => openLine(context, stack, n)))
    const [first] = lines
    const whole = first ? await measure(first) : { request: 0, response: 0 }
    const cases = casesOf(whole, context)
    const wrong: string[] = []
    let done = 0
    const work = async (line: Line) => {
      for (let at = done; at < cases.length && !context.signal.aborted; at = done) {
        done += 1
        const complaint = await cutOnce(line, at + 1, cases[at] ?? {})
        if (complaint) wrong.push(`${JSON.stringify(cases[at])}: ${complaint}`)
        context.progress(done, cases.length, 'cuts')
      }
    }
    await Promise.all(lines.map(work))
    const cuts = lines.reduce((sum, { proxy }) => sum + proxy.stopped, 0)
    const twice = lines.reduce((sum, { stand }) => sum + effectsOf(stand.emulator).twice, 0)
    return {
      held: wrong.length === 0 && twice === 0 && cuts >= cases.length && cases.length > 0,
      figures: {
        'bytes of the request': whole.request,
        'of the response': whole.response,
        cases: cases.length,
        cuts,
        twice,
        wrong: wrong.length,
      },
      ...(wrong.length > 0 && { detail: wrong.slice(0, 3).join('\n') }),
    }
  },
}

/** A gateway whose calls go through a proxy of its own. */
interface Line {
  readonly stand: Stand
  readonly proxy: TcpProxy
}

async function openLine(context: ProofContext, stack: AsyncDisposableStack, n: number): Promise<Line> {
  const opened: TcpProxy[] = []
  const between = async (url: string) => {
    const proxy = await openTcpProxy(url)
    opened.push(proxy)
    return proxy
  }
  const fault = context.planted ? 'renewIds' : undefined
  const stand = stack.use(await openStand({ directory: `${context.directory}/${n}`, between, fault }))
  const [proxy = await between(stand.emulator.url)] = opened
  return { stand, proxy }
}

/** How long a request and its response are. Every case has texts of the same length. */
async function measure(line: Line): Promise<TcpProxy['last']> {
  await say(line, 0)
  await line.stand.drained()
  return { ...line.proxy.last }
}

function casesOf({ request, response }: TcpProxy['last'], { scale }: ProofContext): Treatment[] {
  const cutsOf = (way: 'request' | 'response', length: number): Treatment[] =>
    Array.from({ length: Math.ceil((length + (way === 'request' ? 1 : 0)) / STRIDE[scale]) }, (_, n) => ({
      at: { way, bytes: n * STRIDE[scale] },
      by: n % 2 === 0 ? 'reset' : 'fin',
    }))
  return [...cutsOf('request', request), ...cutsOf('response', response)]
}

/** While the cut call waits to be repeated, a second identify comes. */
async function cutOnce(line: Line, n: number, treatment: Treatment): Promise<string | undefined> {
  line.proxy.disconnect()
  const { stand } = line
  const stopped = line.proxy.treat(treatment)
  await say(line, n)
  await Promise.race([stopped, stand.drained()])
  await stand.call('POST', '/api/v2/entity', identify(n, 2))
  await stand.drained()
  const { emulator } = stand
  const events = emulator.events({ person: `id:${personOf('e', n)}` }).length
  const version = emulator.person(`id:${personOf('i', n)}`)?.attributes.version
  if (events !== 1) return `${events} events took effect`
  return version === 2 ? undefined : `the attribute is ${version}`
}

const personOf = (letter: string, n: number) => `${letter}${String(n).padStart(6, '0')}`

/** An event of one person and an identify of another, which leave in one call. */
async function say({ stand }: Line, n: number): Promise<void> {
  await stand.call('POST', '/api/v2/batch', {
    batch: [
      {
        type: 'person',
        identifiers: { id: personOf('e', n) },
        action: 'event',
        name: 'tick',
        id: idOf(n),
        attributes: { n },
      },
      identify(n, 1),
    ],
  })
}

const identify = (n: number, version: number) => ({
  type: 'person',
  identifiers: { id: personOf('i', n) },
  action: 'identify',
  attributes: { version },
})
