/**
 * The closed table of preflight: what is looked at before an operation is taken or sent, and what is done about it. The page
 * docs/preflight.md, `sluice explain <rule>` and the setting `preflight` are made from it.
 *
 * The defaults follow one thought: what Customer.io refuses is refused here, at once and by name, instead of lying among the
 * dead letters later; what it takes with a 200 stays taken, and is told of. Only where there is a single possible meaning,
 * and sending it as it is would do lasting harm, is it put right; the answer then says so.
 */
import { LIMITS } from '../core/limits.ts'

/** `off`: not looked at. `warn`: taken as it is, and told of. `fix`: put right, and told of. `refuse`: not taken. */
export const POLICIES = ['fix', 'warn', 'refuse', 'off'] as const
export type Policy = (typeof POLICIES)[number]

interface Row {
  readonly checks: string
  readonly limit?: number
  readonly usual: Policy
  /** What else may be set. */
  readonly may: readonly Policy[]
  /** What `fix` does. */
  readonly fix?: string
  /** Why the default is what it is. */
  readonly why: string
  readonly todo: string
  /** Where the fact is from. */
  readonly source: string
}

const REMARKS = ['warn', 'refuse', 'off'] as const
const ALL = ['fix', 'warn', 'refuse', 'off'] as const
const TAKEN = 'Customer.io takes it with a 200.'

/** A documented limit. */
const limit = (most: number, row: Pick<Row, 'checks' | 'todo'> & Partial<Row>): Row => ({
  limit: most,
  usual: 'refuse',
  may: ['refuse', 'warn', 'off'],
  why: 'Customer.io documents the limit; what is over it would be a dead letter.',
  source: 'Track API, limits',
  ...row,
})

const RULES = {
  id_bytes: limit(LIMITS.nameBytes, {
    checks: 'Bytes of an identifier of a person (id, email, phone, cio_id) or of an object.',
    todo: 'Use a shorter identifier; one that is cut short may be somebody else’s.',
  }),
  attribute_name_bytes: limit(LIMITS.nameBytes, {
    checks: 'Bytes of the name of an attribute.',
    todo: 'Use a shorter name.',
  }),
  attribute_value_bytes: limit(LIMITS.valueBytes, {
    checks: 'Bytes of the value of an attribute: of a text its own, of anything else those of its JSON.',
    todo: 'Shorten the value, or say it as the data of an event.',
  }),
  attribute_count: limit(LIMITS.attributes, {
    checks: 'Attributes of one identify, of one object, or of one relationship.',
    todo: 'Send only what changed; a person can have no more than that in all.',
  }),
  object_bytes: limit(LIMITS.objectBytes, {
    checks: 'Bytes of all attributes of an object or of a relationship.',
    todo: 'Keep large values elsewhere, and send a reference.',
  }),
  event_name_bytes: limit(LIMITS.eventNameBytes, {
    checks: 'Bytes of the name of an event, without the spaces around it.',
    todo: 'Use a short name, and put what varies into the data.',
  }),
  event_data_bytes: limit(LIMITS.eventDataBytes, {
    checks: 'Bytes of the data of an event.',
    todo: 'Send less, or a reference to it.',
  }),
  segment_ids: limit(LIMITS.segmentIds, {
    checks: 'People in one change of a segment.',
    todo: 'Make several calls of it.',
    source: 'Track API, segments',
    may: ['refuse'],
  }),
  item_bytes: limit(LIMITS.itemBytes, {
    checks:
      'Bytes of one operation of Track v2, or of one message of the Pipelines API; where Track v1 has no form for it (as of who is named by phone), with the id and the time that Sluice adds.',
    todo: 'Split it. An event of up to 100,000 bytes of data can be sent through Track v1.',
    source: 'Track API, v2 limits; Pipelines API',
    may: ['refuse'],
  }),
  batch_bytes: limit(LIMITS.takenBatchBytes, {
    checks: 'Bytes of a request.',
    todo: 'Split the batch. The answer is a 413.',
    source: 'Track API, v2 limits; Pipelines API',
    may: ['refuse'],
  }),
  time_not_seconds: {
    checks:
      'timestamp, _timestamp and last_used that are not unix seconds: a number beyond the year 5138 is milliseconds or finer, and a text may be a date.',
    limit: 99_999_999_999,
    usual: 'fix',
    may: ALL,
    fix: 'Milliseconds, microseconds, nanoseconds and ISO 8601 become seconds; what is none of these is refused.',
    why: 'An identify from the year 56,000 makes Customer.io ignore every later update of that person, and no other meaning is possible.',
    todo: 'Divide by 1000, rounded down.',
    source: 'Track API; the Ruby client leaves such a time out without a word',
  },
  created_at_not_seconds: {
    checks: 'The attribute created_at, when it is not unix seconds.',
    limit: 99_999_999_999,
    usual: 'warn',
    may: ALL,
    fix: 'As for time_not_seconds; what is no time is left as it is.',
    why: `${TAKEN} An attribute is the application’s own data, so it is not touched unless you say so; segments by date will not find the person.`,
    todo: 'Send whole unix seconds.',
    source: 'Track API, reserved attributes',
  },
  time_in_future: {
    checks: 'A timestamp more than five minutes ahead of the clock here.',
    limit: 300,
    usual: 'warn',
    may: ALL,
    fix: 'The second of the receipt replaces it.',
    why: `${TAKEN} Until that time has come it ignores older updates of what an identify says.`,
    todo: 'Set the clock of the sender, or send no timestamp: Sluice adds the time of the receipt.',
    source: 'Track API, _timestamp',
  },
  old_event: {
    checks: 'An event that happened more than 72 hours before it was received.',
    limit: 72,
    usual: 'warn',
    may: REMARKS,
    why: `${TAKEN} It is kept as history and triggers no campaign, which is right for a backfill.`,
    todo: 'Send events when they happen; say nothing about it when they are history.',
    source: 'Track API, events',
  },
  aged_event: {
    checks: 'An event that passed 72 hours while it waited here, looked at right before the call.',
    limit: 72,
    usual: 'refuse',
    may: ALL,
    fix: 'The second of the call replaces its timestamp, so that it still triggers campaigns.',
    why: 'What it was sent for can no longer happen, and not by the sender’s doing: it becomes a dead letter, so that somebody decides. A replay sends it as history.',
    todo: 'sluice dlq replay sends it as history; or set fix for those that must still trigger campaigns.',
    source: 'Track API, events',
  },
  stale_identify: {
    checks:
      'An identify that is older than one of the same person before it, as far as this process has seen; right before the call, of one that is replayed.',
    usual: 'warn',
    may: REMARKS,
    why: `${TAKEN} It drops each attribute for which it has a newer value, and keeps the rest.`,
    todo: 'Send the current values without a timestamp.',
    source: 'Track API, _timestamp',
  },
  reserved_key: {
    checks:
      'A key that means something to Customer.io, with a value that cannot mean it: cio_id, cio_relationships, cio_subscription_preferences, _update, and in an event recipient, from_address, reply_to.',
    usual: 'warn',
    may: REMARKS,
    why: TAKEN,
    todo: 'Rename your key, or give it the value that Customer.io documents for it.',
    source: 'Track API, identify and events',
  },
  id_spaces: {
    checks: 'An identifier with spaces around it.',
    usual: 'warn',
    may: REMARKS,
    why: `${TAKEN} To it "42 " is another person than "42". Identifiers are never changed here.`,
    todo: 'Trim it where it is made.',
    source: 'Track API, identifiers',
  },
  similar_id: {
    checks:
      'An id that differs from another one only in its case or its spaces, as far as this process has seen.',
    usual: 'warn',
    may: REMARKS,
    why: `${TAKEN} Most likely one person gets two profiles.`,
    todo: 'Write ids in one way. If there are two profiles already, merge them.',
    source: 'Track API, identifiers; only e-mail addresses are compared without case',
  },
  empty_attribute: {
    checks: 'An attribute that is an empty text.',
    usual: 'warn',
    may: ALL,
    fix: 'It becomes null.',
    why: `${TAKEN} It removes the attribute, as null does, which is not what everybody means by "".`,
    todo: 'Send null to remove an attribute, or leave it out to keep it.',
    source: 'Track API, attributes',
  },
  lone_surrogate: {
    checks:
      'Half of a character (a lone surrogate, such as \\ud83d) in a text; in an identifier it is always refused.',
    usual: 'warn',
    may: REMARKS,
    why: `${TAKEN} It cannot be stored as UTF-8, so something else is stored: a text was cut in the middle of a character.`,
    todo: 'Cut texts between characters, not between UTF-16 units.',
    source: 'RFC 8259, 8.2',
  },
  nul_character: {
    checks: 'A NUL character (\\u0000) in a text.',
    usual: 'warn',
    may: REMARKS,
    why: `${TAKEN} Many stores end a text there, or refuse it.`,
    todo: 'Remove it.',
    source: 'RFC 8259, 9: an implementation may limit the characters of strings',
  },
  number_range: {
    checks:
      'A number that 64 bits cannot hold: a whole one beyond them, or one too large for a double such as 1e400.',
    usual: 'warn',
    may: REMARKS,
    why: `${TAKEN} It is passed on to the digit, and what Customer.io makes of it is not documented.`,
    todo: 'Send it as a text.',
    source: 'RFC 8259, 6',
  },
  event_name_spaces: {
    checks: 'The name of an event with spaces around it.',
    usual: 'warn',
    may: ALL,
    fix: 'It is trimmed.',
    why: `${TAKEN} It trims them, but in workspaces from before September 2021: there no campaign can name the event.`,
    todo: 'Trim it.',
    source: 'Track API, events',
  },
  event_id_not_ulid: {
    checks: 'The id of an event that is no ULID.',
    usual: 'fix',
    may: ['fix'],
    fix: 'It becomes the ULID that is always made of that id.',
    why: 'Customer.io dedupes on ULIDs alone: under any other id a repeat would take effect again.',
    todo: 'Nothing, or send ULIDs.',
    source: 'Track API, events',
  },
} as const satisfies Record<string, Row>

export type RuleName = keyof typeof RULES
export const isRuleName = (text: string): text is RuleName => Object.hasOwn(RULES, text)
export const RULE_NAMES = Object.keys(RULES).filter(isRuleName)
/** A row of the table, seen without its particular types. */
export const ruleOf = (name: RuleName): Row => RULES[name]

export type Policies = Readonly<Record<RuleName, Policy>>

/** The defaults, with what is said otherwise. */
export function policiesWith(given: Partial<Policies> = {}): Policies {
  const usual = RULE_NAMES.map((name) => [name, given[name] ?? RULES[name].usual])
  return Object.fromEntries(usual) as Policies // every name of the table
}
