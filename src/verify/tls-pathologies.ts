/** HTTPS with certificates that must not be believed, beside one that must. */
import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import * as tls from 'node:tls'
import { type Identity, makeAuthority } from './certificates.ts'
import type { Pathology } from './pathology.ts'

const REFUSED = ['later upstream_unreachable']
const SOON = 1_000

/** The cases, and what could not be had. The authority is trusted until the stack is disposed. */
export async function tlsCases(
  now: number,
  stack: AsyncDisposableStack,
): Promise<{ cases: readonly Pathology[]; without: readonly string[] }> {
  const authority = makeAuthority(now)
  const stranger = makeAuthority(now)
  const isTrusted = trust(authority.cert, stack)
  const offer = async (name: string, expect: readonly string[], identity: Identity): Promise<Pathology> => ({
    name,
    expect,
    withinMs: SOON,
    url: await serve(identity, stack),
  })
  const unknown = await offer('an unknown authority', REFUSED, stranger.issue({ days: 1, forLoopback: true }))
  if (!isTrusted) return { cases: [unknown], without: ['certificates of a trusted authority (Node 24.5)'] }
  return {
    cases: [
      unknown,
      await offer('a good certificate', ['ok'], authority.issue({ days: 1, forLoopback: true })),
      await offer('an expired certificate', REFUSED, authority.issue({ days: -1, forLoopback: true })),
      await offer('a certificate of another host', REFUSED, authority.issue({ days: 1, forLoopback: false })),
    ],
    without: [],
  }
}

/** False where Node cannot be told at run time whom to trust. */
function trust(cert: string, stack: AsyncDisposableStack): boolean {
  if (!('setDefaultCACertificates' in tls)) return false
  const before = tls.getCACertificates('default')
  tls.setDefaultCACertificates([...before, cert])
  stack.defer(() => tls.setDefaultCACertificates(before))
  return true
}

async function serve({ key, cert }: Identity, stack: AsyncDisposableStack): Promise<string> {
  const server = createServer({ key, cert }, (_, response) => void response.end('{}'))
  server.on('tlsClientError', () => {}).listen(0, '127.0.0.1')
  await once(server, 'listening')
  stack.defer(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}` // it listens on TCP
}
