/**
 * The closed table of errors. Every error that a person or a program can meet is a row here; `docs/errors.md` and
 * `sluice explain <code>` are made from it, and a test keeps them the same. `exit` is the exit code of the CLI.
 */

interface Row {
  readonly status: number
  readonly exit: number
  readonly retryable: boolean
  readonly meaning: string
  readonly hint: string
}

export const ERRORS = {
  // What the caller did
  bad_request: {
    status: 400,
    exit: 2,
    retryable: false,
    meaning: 'The request is not in a form that Sluice or Customer.io can read.',
    hint: 'The message names the field and the limit. Correct the call; nothing was stored.',
  },
  preflight_refused: {
    status: 400,
    exit: 2,
    retryable: false,
    meaning:
      'A rule of preflight refuses the operation; the message names the rule, the field and the limit.',
    hint: '"sluice explain <rule>" says what to do, and docs/preflight.md how a rule is set. Nothing was sent.',
  },
  bad_usage: {
    status: 400,
    exit: 2,
    retryable: false,
    meaning: 'The command line is not complete, or names something that does not exist.',
    hint: 'Run the command with --help for its options and examples.',
  },
  bad_config: {
    status: 500,
    exit: 2,
    retryable: false,
    meaning: 'A setting is missing, unknown or out of range.',
    hint: 'Run "sluice config show" to see every setting, its value and where it came from.',
  },
  unauthorized: {
    status: 401,
    exit: 3,
    retryable: false,
    meaning: 'The credentials are not those of a source that Sluice knows.',
    hint: 'Use the site id and API key of a configured source; in "sluice dev" both are "dev".',
  },
  forbidden: {
    status: 403,
    exit: 4,
    retryable: false,
    meaning: 'The caller is known, or may be, but this is not for it.',
    hint: 'The admin API answers only its own machine: run the command there, or start the gateway with SLUICE_ADMIN_REMOTE=true.',
  },
  some_refused: {
    status: 207,
    exit: 8,
    retryable: false,
    meaning: 'Some of the items were refused; all the others were taken.',
    hint: 'The refused ones are listed with their reasons. Correct these and send only them again.',
  },
  too_large: {
    status: 413,
    exit: 2,
    retryable: false,
    meaning: 'The body is larger than Customer.io takes.',
    hint: 'One operation may have 32 KB, a batch 500 KB, an event of Track v1 100,000 bytes of data. Split it.',
  },
  headers_too_large: {
    status: 431,
    exit: 2,
    retryable: false,
    meaning: 'The headers of the request are larger than they may be.',
    hint: 'Look for a cookie or a token that has grown, or a value that belongs into the body.',
  },
  not_found: {
    status: 404,
    exit: 6,
    retryable: false,
    meaning: 'Nothing is known under that id, or the path does not exist.',
    hint: 'Ids are the ULIDs in the X-Sluice-Id header and in "sluice tail". Settled operations are forgotten after the retention time.',
  },
  conflict: {
    status: 409,
    exit: 9,
    retryable: false,
    meaning: 'The thing is not in a state in which this can be done.',
    hint: 'Look at it again ("sluice dlq show <id>"): somebody or something else has moved it on.',
  },
  not_emulated: {
    status: 501,
    exit: 2,
    retryable: false,
    meaning: 'The emulator does not do what Customer.io does at this path.',
    hint: 'GET /_emulator/coverage lists what is emulated, and how faithfully.',
  },
  sends_unsupported: {
    status: 501,
    exit: 2,
    retryable: false,
    meaning: 'Sluice does not pass on transactional sends and broadcast triggers; nothing was sent.',
    hint: 'Call Customer.io itself for /v1/send and /v1/campaigns/{id}/triggers; every other call of the App API is passed on.',
  },
  app_api_off: {
    status: 501,
    exit: 2,
    retryable: false,
    meaning: 'Calls of the App API are not passed on: Sluice has no App API key of the workspace.',
    hint: 'Set CUSTOMERIO_APP_API_KEY, and let applications show that key or an app_key of their source.',
  },
  // What the machine did
  storage_full: {
    status: 503,
    exit: 7,
    retryable: true,
    meaning: 'The disk is full, or the log has reached its largest size. Nothing of the request was stored.',
    hint: 'Free space or raise the limit. Sluice takes requests again by itself; delivery goes on meanwhile.',
  },
  too_many_files: {
    status: 503,
    exit: 7,
    retryable: true,
    meaning:
      'This process, or the machine, has no descriptor left for another file or connection. Nothing of the request was stored.',
    hint: 'Raise the limit (ulimit -n, LimitNOFILE), or look for who holds connections open. Sluice takes requests again by itself.',
  },
  storage_failed: {
    status: 503,
    exit: 1,
    retryable: true,
    meaning:
      'The disk answered with an error. Whether the last request is stored is in doubt, so the process stops.',
    hint: 'Check the disk, then start again: Sluice recovers what is there, and the client repeats with the same id.',
  },
  bus_unavailable: {
    status: 503,
    exit: 7,
    retryable: true,
    meaning:
      'Kafka does not answer, or has not acknowledged in time. What was sent may still arrive: repeat it under the same id.',
    hint: 'Check SLUICE_KAFKA_BROKERS, the network and the in-sync replicas. Sluice goes on by itself when Kafka answers.',
  },
  bus_unauthorized: {
    status: 500,
    exit: 3,
    retryable: false,
    meaning:
      'Kafka refuses the credentials, the certificate or the action, or is not the server that it should be.',
    hint: 'Check the SLUICE_KAFKA_ settings for SASL and TLS, and the ACLs of that user for the topics and groups that the message names.',
  },
  topic_missing: {
    status: 500,
    exit: 6,
    retryable: false,
    meaning: 'A topic does not exist on the Kafka cluster.',
    hint: 'Run "sluice bus init", or have the topic created; Sluice never creates topics in passing.',
  },
  log_damaged: {
    status: 500,
    exit: 1,
    retryable: false,
    meaning: 'The log lacks records that had been acknowledged, or holds some that were altered.',
    hint: 'The message names the offsets. Restore the data directory from a backup, or accept the loss with "sluice serve --accept-loss <offsets>".',
  },
  newer_format: {
    status: 500,
    exit: 1,
    retryable: false,
    meaning: 'The data directory was written by a newer Sluice.',
    hint: 'Start the version that wrote it, or a newer one. Nothing was changed.',
  },
  data_dir_in_use: {
    status: 409,
    exit: 9,
    retryable: false,
    meaning: 'Another Sluice process holds this data directory.',
    hint: 'Stop that process, or give this one its own with --data-dir.',
  },
  port_in_use: {
    status: 409,
    exit: 9,
    retryable: false,
    meaning: 'Another process listens on the port.',
    hint: 'Stop it, or choose another port with --port (0 takes any free one).',
  },
  shutting_down: {
    status: 503,
    exit: 7,
    retryable: true,
    meaning: 'Sluice is stopping and takes no more requests.',
    hint: 'Repeat the request: the next process takes it.',
  },
  unreachable: {
    status: 503,
    exit: 7,
    retryable: true,
    meaning: 'No Sluice answers at that address.',
    hint: 'Start one with "sluice dev" or "sluice serve", or name another with --url.',
  },
  not_conserved: {
    status: 500,
    exit: 1,
    retryable: false,
    meaning: 'Operations that were accepted are not accounted for, or took effect more than once.',
    hint: 'This is a loss or a defect, never to be expected. Please report it with "sluice status --json" and the log.',
  },
  promise_broken: {
    status: 500,
    exit: 1,
    retryable: false,
    meaning: 'A proof failed: on this machine Sluice does not keep what it promises.',
    hint: 'Run it again with the same --seed and --only that proof, and report what it prints.',
  },
  proof_blind: {
    status: 500,
    exit: 1,
    retryable: false,
    meaning: 'A proof passed in spite of the fault that was planted, so that its passing says nothing.',
    hint: 'This is a defect of the proof. Please report it with the seed.',
  },
  proof_left_out: {
    status: 501,
    exit: 8,
    retryable: false,
    meaning: 'A proof could not run on this machine. The others passed.',
    hint: 'What is missing stands beside the proof. Install it, or name the proofs that you want with --only.',
  },
  timed_out: {
    status: 504,
    exit: 124,
    retryable: true,
    meaning: 'What was waited for did not come within the time given.',
    hint: 'Nothing is lost by waiting longer: raise --timeout, or look with "sluice status".',
  },
  internal: {
    status: 500,
    exit: 1,
    retryable: true,
    meaning: 'A defect in Sluice.',
    hint: 'Please report it with the lines around it in the log.',
  },
  // What Customer.io answered
  upstream_rejected: {
    status: 400,
    exit: 5,
    retryable: false,
    meaning: 'Customer.io refuses this operation for good.',
    hint: 'The reason is its own. Correct the cause, then "sluice dlq replay", or "sluice dlq drop".',
  },
  upstream_unauthorized: {
    status: 401,
    exit: 3,
    retryable: true,
    meaning: 'Customer.io refuses the credentials. Delivery is stopped; everything accepted waits.',
    hint: 'Check CUSTOMERIO_SITE_ID, CUSTOMERIO_API_KEY and CUSTOMERIO_REGION. Sluice tries again every minute by itself.',
  },
  upstream_redirected: {
    status: 502,
    exit: 5,
    retryable: true,
    meaning:
      'Customer.io redirects the calls, as it does for a workspace of the other region. Delivery is stopped; everything accepted waits.',
    hint: 'Set CUSTOMERIO_REGION to the region of the workspace (us or eu). Credentials are never sent to a host that an answer names.',
  },
  upstream_rate_limited: {
    status: 429,
    exit: 7,
    retryable: true,
    meaning: 'Customer.io asked to slow down.',
    hint: 'Nothing to do: the rate is lowered and the operation is repeated.',
  },
  upstream_unavailable: {
    status: 503,
    exit: 7,
    retryable: true,
    meaning: 'Customer.io answered with an error of its own.',
    hint: 'Nothing to do: it is repeated, more slowly the longer it lasts. See "sluice status".',
  },
  upstream_unreachable: {
    status: 503,
    exit: 7,
    retryable: true,
    meaning: 'No whole answer came from Customer.io: refused, reset, cut or too slow.',
    hint: 'Nothing to do: it is repeated under the same id. If it lasts, check CUSTOMERIO_TRACK_URL and the network.',
  },
  upstream_unintelligible: {
    status: 502,
    exit: 7,
    retryable: true,
    meaning: 'Customer.io, or something before it, gave an answer that is not of its API.',
    hint: 'Check CUSTOMERIO_TRACK_URL, and for a proxy that answers in its place; the operations are sent again.',
  },
  unreadable_record: {
    status: 400,
    exit: 2,
    retryable: false,
    meaning: 'A record on the bus is not an operation that can be delivered.',
    hint: 'Its bytes are kept in the dead letters. Correct the producer.',
  },
} as const satisfies Record<string, Row>

export type ErrorCode = keyof typeof ERRORS

export const isErrorCode = (text: string): text is ErrorCode => Object.hasOwn(ERRORS, text)

export interface ErrorOptions {
  readonly cause?: unknown
  /** Named facts, such as the field, the limit and the value found. */
  readonly details?: Readonly<Record<string, string | number | boolean>>
  /** Instead of the row's hint, where more can be said. */
  readonly hint?: string
}

/** The only error that Sluice throws on purpose: a code of the table, and a message that names what it met. */
export class SluiceError extends Error {
  override readonly name = 'SluiceError'
  readonly code: ErrorCode
  readonly details: Readonly<Record<string, string | number | boolean>>
  readonly hint: string

  constructor(code: ErrorCode, message?: string, options: ErrorOptions = {}) {
    super(message ?? ERRORS[code].meaning, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.details = options.details ?? {}
    this.hint = options.hint ?? ERRORS[code].hint
  }

  get row(): Row {
    return ERRORS[this.code]
  }
}

/** The machine is short of something: nothing was stored, it passes by itself, and it may be tried again. */
export const isShortage = (thrown: unknown): thrown is SluiceError =>
  thrown instanceof SluiceError && (thrown.code === 'storage_full' || thrown.code === 'too_many_files')

/** The bus is elsewhere and does not answer: what was asked of it may be asked again. */
export const isAway = (thrown: unknown): thrown is SluiceError =>
  thrown instanceof SluiceError && thrown.code === 'bus_unavailable'

/** Node's codes for a table of descriptors that is full: that of the process, and that of the machine. */
const NO_DESCRIPTOR: readonly unknown[] = ['EMFILE', 'ENFILE']

/** Whatever was thrown, as a row of the table; what nobody foresaw is `internal`. */
export function toSluiceError(thrown: unknown): SluiceError {
  if (thrown instanceof SluiceError) return thrown
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  if (thrown instanceof Error && 'code' in thrown && NO_DESCRIPTOR.includes(thrown.code))
    return new SluiceError('too_many_files', message, { cause: thrown })
  return new SluiceError('internal', message, { cause: thrown })
}
