/**
 * The closed table of everything worth telling. One entry gives the log line, the metric and the row in
 * `docs/notices.md`, so the three cannot disagree. Code says `notify('delivery.throttled', {…})`; telemetry/ does the rest.
 */
import { ERRORS } from './errors.ts'
import { OUTCOMES } from './outcome.ts'

/** The calls of delivery by name (customerio/track.ts, and what only v1 has: v1-calls.ts), and what an answer may mean. */
const ENDPOINTS = [
  ...['batch', 'entity', 'identify', 'events', 'anonymous_events'],
  ...['segments', 'forms', 'metrics', 'push_events', 'in_app_events', 'unsubscribe'],
]
const ANSWERS = ['ok', ...Object.keys(ERRORS).filter((code) => code.startsWith('upstream_'))]

interface Row {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly meaning: string
  /** The name of its counter, without the `sluice_` prefix and `_total`. */
  readonly counter: string
  /** The fields that become labels of the counter. Few values each: never an id. */
  readonly labels?: readonly string[]
  /** Of each label all that it may be, where that is a closed set: the series of these begin at 0. */
  readonly values?: readonly (readonly string[])[]
  /** A numeric field that is summed instead of counting 1. */
  readonly sum?: string
}

export const NOTICES = {
  'ingest.accepted': {
    level: 'debug',
    meaning: 'Operations are durable and were answered.',
    counter: 'ingest_accepted',
    labels: ['source'],
    sum: 'count',
  },
  'ingest.repeated': {
    level: 'debug',
    meaning: 'A client repeated ids that were accepted before; they were answered and not stored again.',
    counter: 'ingest_repeated',
    labels: ['source'],
    sum: 'count',
  },
  'ingest.forgot': {
    level: 'warn',
    meaning:
      'Client ids could not be remembered: a repeat of them will be stored again, and deduped by Customer.io.',
    counter: 'ingest_forgotten',
  },
  'ingest.refused': {
    level: 'info',
    meaning: 'A request was refused before anything was stored.',
    counter: 'ingest_refused',
    labels: ['code'],
  },
  'ingest.unlinked': {
    level: 'warn',
    meaning:
      'The end of the log is damaged where it is delivered: what it said last of who is whom is not known, unless it was written.',
    counter: 'ingest_unlinked',
  },
  'ingest.unreadable': {
    level: 'warn',
    meaning:
      'Messages of a topic could not be read: they go to the dead letters with their bytes and the reason.',
    counter: 'ingest_unreadable',
    labels: ['source'],
    sum: 'count',
  },
  'ingest.failed': {
    level: 'error',
    meaning: 'The intake of the topics met an error of its own and stops the process; nothing is lost.',
    counter: 'ingest_failures',
  },
  'preflight.found': {
    level: 'debug',
    meaning: 'A rule of preflight found something; the policy says what was done about it.',
    counter: 'preflight_findings',
    labels: ['rule', 'policy'],
  },
  'bus.recovered': {
    level: 'info',
    meaning: 'The log was opened and checked; this many records lie in it.',
    counter: 'bus_recovered',
  },
  'bus.lost': {
    level: 'error',
    meaning: 'Damaged or missing records were given up, as asked with --accept-loss; the offsets are named.',
    counter: 'bus_lost',
    sum: 'count',
  },
  'bus.salvaged': {
    level: 'error',
    meaning:
      'The file of the log was damaged in its structure: what can be read of it was written anew, and the damaged one is kept beside it.',
    counter: 'bus_salvaged',
  },
  'bus.rewound': {
    level: 'error',
    meaning:
      'How far a group had come could not be read: what is kept of its topic comes again, and is settled where the ledger knows how it ended.',
    counter: 'bus_rewound',
  },
  'bus.full': {
    level: 'error',
    meaning: 'The log cannot grow: requests are answered 503 until there is space.',
    counter: 'bus_full',
  },
  'bus.out_of_files': {
    level: 'error',
    meaning: 'No descriptor is left for a file of the log: requests are answered 503 until there is one.',
    counter: 'bus_out_of_files',
  },
  'bus.failed': {
    level: 'error',
    meaning: 'The disk answered with an error: the process stops so that no answer is a lie.',
    counter: 'bus_failed',
  },
  'bus.fenced': {
    level: 'warn',
    meaning: 'Records of a lane that was taken away were settled too late; their new owner handles them.',
    counter: 'bus_fenced',
    sum: 'count',
  },
  'bus.stalled': {
    level: 'warn',
    meaning: 'Records wait and none arrive, or the consumer group lost this consumer: it was started anew.',
    counter: 'bus_consumer_restarts',
    labels: ['topic'],
  },
  'bus.unreachable': {
    level: 'error',
    meaning: 'Kafka does not answer or did not acknowledge in time: requests are answered 503 until it does.',
    counter: 'bus_unreachable',
  },
  'bus.lane_failed': {
    level: 'error',
    meaning:
      'A lane of a topic on Kafka cannot be read, and is asked for again and again: its people wait, all others go on.',
    counter: 'bus_lanes_failed',
    labels: ['topic'],
  },
  'bus.rebalanced': {
    level: 'info',
    meaning: 'The lanes of a topic were shared out anew among the processes of a group.',
    counter: 'bus_rebalances',
    labels: ['topic'],
  },
  'bus.skipped': {
    level: 'error',
    meaning:
      'Records that the group had not settled are no longer on the topic (retention): delivery goes on after them.',
    counter: 'bus_skipped',
    sum: 'count',
  },
  'bus.trimmed': {
    level: 'debug',
    meaning: 'Records past the retention time, settled by every group, were removed from the log.',
    counter: 'bus_trimmed',
    sum: 'count',
  },
  'delivery.attempted': {
    level: 'debug',
    meaning: 'One call to Customer.io ended.',
    counter: 'delivery_calls',
    labels: ['endpoint', 'code'],
    values: [ENDPOINTS, ANSWERS],
  },
  'delivery.settled': {
    level: 'debug',
    meaning: 'Operations reached an outcome.',
    counter: 'delivery_outcomes',
    labels: ['outcome'],
    values: [OUTCOMES],
    sum: 'count',
  },
  'delivery.throttled': {
    level: 'info',
    meaning: 'Customer.io answered 429: the rate was lowered.',
    counter: 'delivery_throttled',
  },
  'delivery.breaker': {
    level: 'warn',
    meaning: 'The breaker changed its state: closed calls, open waits, half_open tries.',
    counter: 'delivery_breaker_changes',
    labels: ['state'],
    values: [['closed', 'open', 'half_open', 'credentials']],
  },
  'delivery.credentials': {
    level: 'error',
    meaning:
      'Customer.io refuses the credentials: delivery is stopped, nothing is lost, it tries again every minute.',
    counter: 'delivery_credentials_refused',
  },
  'delivery.bisected': {
    level: 'info',
    meaning: 'A batch was refused as a whole and was halved to find the culprit.',
    counter: 'delivery_bisections',
  },
  'delivery.dead': {
    level: 'warn',
    meaning: 'An operation was refused for good and lies with the dead letters.',
    counter: 'delivery_dead',
    labels: ['code'],
    values: [['upstream_rejected', 'preflight_refused', 'unreadable_record']],
  },
  'delivery.untold': {
    level: 'warn',
    meaning: 'Outcomes were not told on customerio.processed, since the log is full; the ledger has them.',
    counter: 'delivery_untold',
    sum: 'count',
  },
  'delivery.failed': {
    level: 'error',
    meaning: 'The delivery stage met an error of its own and stops the process; nothing is lost.',
    counter: 'delivery_failures',
  },
  'ledger.full': {
    level: 'error',
    meaning: 'The disk is full: outcomes cannot be written, and delivery waits until there is space.',
    counter: 'ledger_full',
  },
  'ledger.replayed': {
    level: 'info',
    meaning: 'Dead letters were put through delivery again.',
    counter: 'ledger_replayed',
    sum: 'count',
  },
  'relay.answered': {
    level: 'debug',
    meaning: 'A call of the App API was passed on, and answered by Customer.io.',
    counter: 'relay_answered',
    labels: ['status'],
  },
  'relay.refused': {
    level: 'info',
    meaning: 'A call of the App API was not passed on, or got no answer that could be given back.',
    counter: 'relay_refused',
    labels: ['code'],
  },
  'gateway.started': { level: 'info', meaning: 'Everything listens and runs.', counter: 'gateway_starts' },
  'gateway.stopping': {
    level: 'info',
    meaning: 'A stop was asked for; work in flight is finished.',
    counter: 'gateway_stops',
  },
  'gateway.stopped': {
    level: 'info',
    meaning: 'Everything is closed; what is pending waits in the log.',
    counter: 'gateway_stopped',
  },
} as const satisfies Record<string, Row>

export type NoticeName = keyof typeof NOTICES

export interface NoticeFields {
  readonly [field: string]: string | number | boolean | null | undefined
}

/** How every part tells what happened; given to it, never imported. */
export type Notify = (name: NoticeName, fields?: NoticeFields) => void

export const silent: Notify = () => {}
