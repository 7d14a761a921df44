/** `sluice tail`: what happens to every operation, while it happens. */
import { SluiceError } from '../core/errors.ts'
import { adminApi } from './api.ts'
import { type FeedFilter, feedLine, isSkipped, matches, watchFeed } from './feed.ts'
import type { Job } from './job.ts'
import { KINDS_SHORT, knownAs, STATUSES } from './known.ts'
import { CLIENT_SETTINGS, type CommandSpec } from './spec.ts'

export const tail: CommandSpec = {
  name: 'tail',
  group: 'Watch:',
  summary: 'A live feed of everything that happens, filtered at will.',
  about: 'Conditions of one option are alternatives, and all options must hold. It runs until ^C.',
  options: [
    { flags: '--kind <list>', about: 'kinds: person.event, or event for short' },
    { flags: '--person <list>', about: 'person keys: id:42, or 42 for short' },
    { flags: '--source <list>', about: 'sources by name' },
    {
      flags: '--status <list>',
      about:
        'accepted, ok, failed, retrying, delivered, coalesced, suppressed, dead, an error code, an HTTP status',
    },
    { flags: '--grep <text>', about: 'lines that hold this text, in any case' },
    { flags: '--limit <lines>', about: 'stop after this many lines' },
  ],
  settings: CLIENT_SETTINGS,
  examples: [
    ['sluice tail', 'everything'],
    ['sluice tail --status failed', 'what goes wrong'],
    ['sluice tail --person 42 --kind event', 'what one person does'],
    ['sluice tail --status dead --json | jq .detail', 'for programs'],
  ],
  run: tailFeed,
}

/** A gateway that restarts is waited for this long between tries. */
const PAUSE_MS = 1000

async function tailFeed(job: Job): Promise<void> {
  const { output, host, signal } = job
  const api = adminApi(job, await job.config())
  const room = { left: job.count('limit', 1) ?? Number.POSITIVE_INFINITY }
  let connected = false
  while (!signal.aborted && room.left > 0) {
    try {
      await showFeed(job, room, () => {
        connected = true
      })
      if (room.left > 0) output.note(`${api.url} closed the feed; waiting for it to come back.`)
    } catch (thrown) {
      // Before the first connection a mistake is likelier than a restart.
      if (!connected || !isPassing(thrown)) throw thrown
    }
    if (room.left > 0) await host.clock.sleep(PAUSE_MS, signal)
  }
}

const isPassing = (thrown: unknown) => !(thrown instanceof SluiceError) || thrown.row.retryable

async function showFeed(job: Job, room: { left: number }, onConnected: () => void): Promise<void> {
  const { output } = job
  const filter = filterOf(job)
  const api = adminApi(job, await job.config())
  for await (const line of watchFeed(api, onConnected)) {
    if (isSkipped(line)) output.note(`${line.skipped} lines left out: this reader was too slow.`)
    else if (matches(line, filter)) {
      if (output.json) output.document(line)
      else output.line(feedLine(line, output))
      room.left -= 1
      if (room.left <= 0) return
    }
  }
}

/** Throws `bad_usage` for a kind or a status that there is not: nothing would ever come. */
const filterOf = (job: Job): FeedFilter => ({
  kinds: job.items('kind').map((kind) => knownAs('--kind', kind, KINDS_SHORT)),
  people: job.items('person'),
  sources: job.items('source'),
  statuses: job
    .items('status')
    .map((word) => (/^\d{3}$/.test(word) ? word : knownAs('--status', word, STATUSES))),
  text: job.text('grep'),
})
