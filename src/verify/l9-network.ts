/** L9: whatever a network does to a call, it ends in time, in the right class, with the credentials where they belong. */
import { readdirSync } from 'node:fs'
import { connectRemote, type Remote, type RemoteOptions } from '../customerio/http.ts'
import { judge, type Verdict } from '../customerio/outcome.ts'
import { pathologies, type World } from './pathologies.ts'
import type { Pathology } from './pathology.ts'
import type { Proof, ProofContext } from './proof.ts'

/** Connect within 2 s, the whole answer within 15 s, and what a busy machine adds. */
const SLACK_MS = 3_000
const AGAIN = { quick: 500, full: 10_000 }
/** Descriptors that may be open more than before: the pool keeps a few connections. */
const SPARE_FDS = 5

export const network: Proof = {
  id: 'L9',
  promises: ['P2', 'P7'],
  claim:
    'Every pathology of a network ends in its class within the deadline; credentials never follow a redirect.',
  faultModel:
    'refused, reset, FIN mid-body, silence, one byte a second, closed keep-alive, bad certificates, redirects, HTML, bombs, endless bodies',
  control: 'every answer below 400 is taken for a success',
  run: async (context) => {
    await using world = await pathologies(context)
    const wrong = await tryAll(world.cases, context)
    wrong.push(...world.leaked().map((request) => `credentials went to another host: ${request}`))
    const { faults, leaked } = await tryAgain(world, context)
    return {
      held: wrong.length === 0 && leaked <= SPARE_FDS,
      figures: {
        pathologies: world.cases.length,
        wrong: wrong.length,
        'calls again': faults,
        'descriptors left open': Number.isNaN(leaked) ? 'not counted here' : leaked,
        ...(world.without.length > 0 && { without: world.without.join(', ') }),
      },
      ...(wrong.length > 0 && { detail: wrong.slice(0, 5).join('\n') }),
    }
  },
}

/** All at once: the slow ones take fifteen seconds each. */
async function tryAll(cases: readonly Pathology[], context: ProofContext): Promise<string[]> {
  let done = 0
  const found = await Promise.all(
    cases.map(async (each) => {
      const complaint = await tryOne(each, context)
      done += 1
      context.progress(done, cases.length, 'pathologies')
      return complaint && `${each.name}: ${complaint}`
    }),
  )
  return found.filter((complaint) => complaint !== undefined)
}

async function tryOne({ url, expect, withinMs, warmUp }: Pathology, context: ProofContext) {
  await using remote = connectRemote(optionsFor(url, context))
  if (warmUp) await remote.send(CALL)
  const startedAt = context.clock.mono()
  const verdict = await verdictOf(remote, context)
  const tookMs = Math.round(context.clock.mono() - startedAt)
  const said = 'code' in verdict ? `${verdict.kind} ${verdict.code}` : verdict.kind
  if (!expect.includes(said)) return `${said} instead of ${expect.join(' or ')}`
  return tookMs > withinMs + SLACK_MS ? `it took ${tookMs} ms, ${withinMs} allowed` : undefined
}

const CALL = { endpoint: 'batch', method: 'POST', path: '/api/v2/batch', body: '{"batch":[]}' } as const

const optionsFor = (url: string, { clock }: ProofContext): RemoteOptions => ({
  url,
  authorization: 'Basic c2VjcmV0',
  userAgent: 'Sluice',
  connections: 4,
  clock,
})

async function verdictOf(remote: Remote, { clock, planted }: ProofContext): Promise<Verdict> {
  const reply = await remote.send(CALL)
  if (planted && reply.status !== null && reply.status < 400) return { kind: 'ok' }
  return judge(reply, clock.now())
}

/** The quick ones over and over, with one client each: what a fault leaves open adds up. */
async function tryAgain(
  { cases }: World,
  context: ProofContext,
): Promise<{ faults: number; leaked: number }> {
  const quick = cases.filter(({ withinMs }) => withinMs < 1_000)
  const remotes = quick.map(({ url }) => connectRemote(optionsFor(url, context)))
  const rounds = Math.ceil(AGAIN[context.scale] / Math.max(1, quick.length))
  const round = () => Promise.all(remotes.map((remote) => remote.send(CALL)))
  await round()
  const before = openDescriptors()
  for (let n = 0; n < rounds && !context.signal.aborted; n += 1) {
    await round()
    context.progress(n, rounds, 'rounds')
  }
  const leaked = openDescriptors() - before
  await Promise.all(remotes.map((remote) => remote[Symbol.asyncDispose]()))
  return { faults: rounds * quick.length, leaked }
}

/** Not a number where /proc is not. */
function openDescriptors(): number {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return Number.NaN
  }
}
