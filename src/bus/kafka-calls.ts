/**
 * The two calls of the protocol in which records travel, with the records as the bytes that they are: the client would take
 * every batch apart into objects, and put it together from objects. Everything else of a call is the client's.
 */
import {
  type API,
  type Base,
  type Connection,
  createAPI,
  fetchV17,
  produceV11,
  type Reader,
  ResponseError,
  Writer,
} from '@platformatic/kafka'
import { SluiceError } from '../core/errors.ts'
import { type Aborted, committedOf, type RecordBatch, readBatches } from './kafka-batch.ts'

export interface FetchCall {
  readonly waitMs: number
  readonly maxBytes: number
  readonly topics: fetchV17.FetchRequestTopic[]
}

export interface FetchedPartition {
  readonly partition: number
  readonly errorCode: number
  readonly batches: readonly RecordBatch[]
  /** Why nothing can be read of what the broker sent. */
  readonly damage?: unknown
}

/** A batch with its head, on its way to a partition. */
export interface Cargo {
  readonly topic: string
  readonly partition: number
  readonly bytes: Buffer
}

const PRODUCE = 0
const FETCH = 1
/** Versions with the form that is written here: Fetch names topics by their ids and the replica by a tag, Produce is flexible. */
const FETCH_VERSIONS = [17, 16, 15] // since Kafka 3.9, 3.7, 3.5
const PRODUCE_VERSIONS = [12, 11, 10, 9]
const READ_COMMITTED = 1
/** No session: every request names all that it wants, so that nothing is remembered that a lost answer could falsify. */
const NO_SESSION = [0, -1] as const
/** All in-sync replicas. */
const ALL = -1

type FetchApi = API<Parameters<typeof fetchV17.createRequest>, FetchedPartition[]>
type ProduceApi = API<[cargo: readonly Cargo[], timeoutMs: number], produceV11.ProduceResponse>

export class RecordCalls {
  readonly #client: Base
  #apis: Promise<{ readonly fetch: FetchApi; readonly produce: ProduceApi }> | undefined

  constructor(client: Base) {
    this.#client = client
  }

  async fetch(node: number, { waitMs, maxBytes, topics }: FetchCall): Promise<readonly FetchedPartition[]> {
    const [{ fetch }, connection] = await this.#ready(node)
    return await fetch.async(connection, waitMs, 1, maxBytes, READ_COMMITTED, ...NO_SESSION, topics, [], '')
  }

  async produce(
    node: number,
    cargo: readonly Cargo[],
    timeoutMs: number,
  ): Promise<produceV11.ProduceResponse> {
    const [{ produce }, connection] = await this.#ready(node)
    return await produce.async(connection, cargo, timeoutMs)
  }

  #ready(node: number) {
    this.#apis ??= this.#agree()
    this.#apis.catch(() => {
      this.#apis = undefined
    })
    return Promise.all([this.#apis, this.#connect(node)])
  }

  async #connect(node: number): Promise<Connection> {
    const connection = (await this.#client.connectToBrokers([node])).get(node)
    if (connection === undefined) throw new SluiceError('bus_unavailable', `The broker ${node} is not known.`)
    return connection
  }

  async #agree() {
    const spoken = await this.#client.listApis()
    const versionOf = (key: number, versions: readonly number[]): number => {
      const { minVersion = 0, maxVersion = -1 } = spoken.find(({ apiKey }) => apiKey === key) ?? {}
      const version = versions.find((each) => each >= minVersion && each <= maxVersion)
      if (version !== undefined) return version
      throw new SluiceError('bus_unavailable', 'Sluice needs a broker of Kafka 3.6 or newer.')
    }
    const [fetch, produce] = [versionOf(FETCH, FETCH_VERSIONS), versionOf(PRODUCE, PRODUCE_VERSIONS)]
    return {
      fetch: createAPI(FETCH, fetch, fetchV17.createRequest, readFetched) as FetchApi,
      produce: createAPI(PRODUCE, produce, writeProduce, produceV11.parseResponse) as ProduceApi,
    }
  }
}

function writeProduce(cargo: readonly Cargo[], timeoutMs: number): Writer {
  return Writer.create()
    .appendString(null)
    .appendInt16(ALL)
    .appendInt32(timeoutMs)
    .appendArray([...Map.groupBy(cargo, ({ topic }) => topic)], (writer, [topic, batches]) => {
      writer.appendString(topic).appendArray(batches, (each, { partition, bytes }) => {
        each
          .appendInt32(partition)
          .appendUnsignedVarInt(bytes.length + 1)
          .append(bytes)
      })
    })
    .appendTaggedFields()
}

/** Of a request for one topic. Throws when the whole of it was refused; what is wrong with one partition stands beside it. */
function readFetched(_: number, key: number, version: number, reader: Reader): FetchedPartition[] {
  reader.readInt32() // throttle time
  const errorCode = reader.readInt16()
  reader.readInt32() // session
  const topics = reader.readArray(
    (topic) => {
      topic.readUUID()
      return topic.readArray(readPartition, true, false)
    },
    true,
    true,
  )
  if (errorCode !== 0) throw new ResponseError(key, version, { '': [errorCode, null] }, topics)
  return topics.flat()
}

function readPartition(reader: Reader): FetchedPartition {
  const partition = reader.readInt32()
  const errorCode = reader.readInt16()
  for (let i = 0; i < 3; i += 1) reader.readInt64() // high watermark, last stable offset, start of the log
  const aborted = reader.readNullableArray(readAborted) ?? []
  reader.readInt32() // preferred replica
  const length = reader.readUnsignedVarInt() - 1
  const bytes = length > 0 ? reader.buffer.slice(reader.position, reader.position + length) : undefined
  if (bytes) reader.skip(length)
  reader.readTaggedFields()
  try {
    return { partition, errorCode, batches: bytes ? committedOf(readBatches(bytes), aborted) : [] }
  } catch (damage) {
    return { partition, errorCode, batches: [], damage }
  }
}

const readAborted = (reader: Reader): Aborted => ({
  producer: reader.readInt64(),
  from: Number(reader.readInt64()),
})
