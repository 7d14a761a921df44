/** The servers of the benchmarks, each in a process of its own: `node bench/server.ts <kind> [directory] [sink url]`. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { DEV_DEFAULTS, loadConfig } from '../src/config.ts'
import { startGateway } from '../src/gateway.ts'

type Answer = (request: IncomingMessage, response: ServerResponse) => void

const ok = (response: ServerResponse) =>
  response
    .writeHead(200, { 'content-type': 'application/json; charset=utf-8', 'content-length': 3 })
    .end('{}\n')

/** Reads the body and answers as Customer.io does: what any server must do at the least. */
const bare: Answer = (request, response) => {
  request.resume().on('end', () => ok(response))
}

/** Parses the body and drops it. */
const parsing: Answer = (request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk) => chunks.push(chunk))
  request.on('end', () => {
    JSON.parse(Buffer.concat(chunks).toString('utf8'))
    ok(response)
  })
}

async function listen(answer: Answer): Promise<string> {
  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
}

async function sluice(role: string, directory: string, sink: string): Promise<string> {
  const env = {
    SLUICE_DATA_DIR: directory,
    SLUICE_PORT: '0',
    SLUICE_LOG_LEVEL: 'error',
    SLUICE_ROLES: role,
    CUSTOMERIO_TRACK_URL: sink,
    SLUICE_LIMITS_RATE_PER_SECOND: '100000',
  }
  const { config } = await loadConfig({ env, cwd: directory, defaults: DEV_DEFAULTS })
  return (await startGateway(config)).url
}

const [kind = '', directory = '', sink = 'http://127.0.0.1:9'] = process.argv.slice(2)
const url =
  kind === 'bare'
    ? await listen(bare)
    : kind === 'parsing'
      ? await listen(parsing)
      : await sluice(kind, directory, sink)
process.stdout.write(`${url}\n`)
