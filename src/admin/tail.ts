/** The live feed as a stream of NDJSON lines, which never makes the gateway wait for a slow reader. */
import { Readable } from 'node:stream'
import type { Happening } from '../core/feed.ts'

export interface FeedSource {
  /** Calls the listener with what happens from now on; returns the way to stop that. */
  watch(listener: (happenings: readonly Happening[]) => void): () => void
}

/** What a reader may be behind, in bytes, before lines are left out: some seconds of a busy feed. */
const BEHIND_LIMIT = 1024 * 1024

/**
 * A line for every happening. To a reader that is too slow, lines are left out and counted: `{"skipped":n}` stands in
 * their place. An empty line comes first, so that the reader knows it is connected.
 */
export function tailStream(feed: FeedSource): Readable {
  let skipped = 0
  const stream = new Readable({ read() {} })
  const stop = feed.watch((happenings) => {
    if (stream.readableLength > BEHIND_LIMIT) {
      skipped += happenings.length
      return
    }
    const lines = happenings.map((happening) => JSON.stringify(happening))
    if (skipped > 0) lines.unshift(JSON.stringify({ skipped }))
    skipped = 0
    stream.push(`${lines.join('\n')}\n`)
  })
  stream.once('close', stop)
  stream.push('\n')
  return stream
}
