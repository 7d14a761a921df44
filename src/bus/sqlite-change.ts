/**
 * What one commit stores, and how it is sealed: the checksums of its chunks, and the chain that they make, which the rows of
 * their topics and the anchor have to say. That costs as much for a record as to find its key, and so is left to the writer,
 * which may be on another thread. Pure.
 */
import type { GroupState } from './group.ts'
import type { Range } from './progress.ts'
import type { Heads } from './sqlite-anchor.ts'
import { type Chunk, type Content, sealChunk } from './sqlite-chunk.ts'
import type { Text } from './sqlite-pack.ts'
import type { TopicRow } from './sqlite-tables.ts'

/** Plain data: it crosses to another thread. Topics are named by their numbers, and have the chain that they had before. */
export interface Change<Form = Text> {
  readonly chunks: readonly (readonly [topic: number, content: Content<Form>])[]
  readonly topics: readonly TopicRow[]
  readonly groups: readonly (readonly [topic: number, state: GroupState])[]
  /** In place of those that were there. */
  readonly gaps: readonly (readonly [topic: number, gaps: readonly Range[]])[]
  /** Whatever lies wholly below the offset is removed. */
  readonly removals: readonly (readonly [topic: number, below: number])[]
  /** What the anchor says afterwards; undefined where nothing of it changes. */
  readonly heads: Heads | undefined
  /** It may use the space that is kept back. */
  readonly spends: boolean
}

export const NO_CHANGE: Change = {
  chunks: [],
  topics: [],
  groups: [],
  gaps: [],
  removals: [],
  heads: undefined,
  spends: false,
}

/** The same change with its texts in another form. */
export function withTexts<From, To>(change: Change<From>, to: (text: From) => To): Change<To> {
  const chunks = change.chunks.map(([topic, content]) => {
    const { meta, body } = content
    return [topic, { ...content, meta: to(meta), body: to(body) }] as const
  })
  return { ...change, chunks }
}

/** By the number of the topic: the chain after the last of its chunks. */
export type Chains = ReadonlyMap<number, number>

export interface Sealed extends Omit<Change, 'chunks'> {
  readonly chunks: readonly (readonly [topic: number, chunk: Chunk])[]
  readonly chains: Chains
}

export function seal(change: Change): Sealed {
  const chains = new Map(change.topics.map(({ number, chain }) => [number, chain]))
  const chunks = change.chunks.map(([topic, content]) => {
    const chunk = sealChunk(content, chains.get(topic) ?? 0)
    chains.set(topic, chunk.chain)
    return [topic, chunk] as const
  })
  const topics = change.topics.map((row) => ({ ...row, chain: chains.get(row.number) ?? row.chain }))
  return { ...change, chunks, topics, heads: change.heads && withChains(change.heads, topics), chains }
}

function withChains(heads: Heads, topics: readonly TopicRow[]): Heads {
  const all = new Map(heads)
  for (const { name, chain } of topics) {
    const head = all.get(name)
    if (head) all.set(name, { ...head, chain })
  }
  return all
}
