/**
 * What the emulator does and how faithfully, as one table: served at /_emulator/coverage and made into the docs. Where
 * Customer.io's behaviour is not known, the note says what was chosen, after the word "Uncertain".
 */
import { APP_ROWS } from './coverage-app.ts'

export interface Covered {
  readonly area: 'track v1' | 'track v2' | 'pipelines' | 'app' | 'people' | 'limits' | 'transport' | 'other'
  readonly operation: string
  readonly emulated: 'yes' | 'partly' | 'no'
  readonly note: string
}

const rows = (
  area: Covered['area'],
  list: readonly (readonly [string, Covered['emulated'], string])[],
): Covered[] => list.map(([operation, emulated, note]) => ({ area, operation, emulated, note }))

export const COVERAGE: readonly Covered[] = [
  ...rows('track v1', [
    [
      'GET /api/v1/accounts/region',
      'yes',
      'Names the emulator as the URL, so that no client wanders off to the real one. Sends both region and data_center.',
    ],
    [
      'PUT /api/v1/customers/{identifier}',
      'yes',
      'Identifiers by shape; _timestamp, _update, anonymous_id, cio_relationships, subscription preferences. The settings "Allow updates to email using ID" and "Multi-identifier profile merge" count as off.',
    ],
    ['DELETE /api/v1/customers/{identifier}', 'yes', 'A body is accepted and not read.'],
    [
      'POST /api/v1/customers/{identifier}/suppress',
      'yes',
      'An identifier of nobody is blocked all the same. Uncertain: later calls for it leave a skipped_update activity; which type Customer.io shows is not documented.',
    ],
    [
      'POST /api/v1/customers/{identifier}/unsuppress',
      'yes',
      'Frees all identifiers that were suppressed together.',
    ],
    [
      'POST /api/v1/customers/{identifier}/events',
      'yes',
      'An event for somebody unknown creates the person, except under a cio_id. Uncertain: not documented.',
    ],
    [
      'POST /api/v1/events',
      'yes',
      'Attached once somebody takes the anonymous_id, when not older than 30 days. Invite events are recorded and invite nobody; data.recipient is not asked for.',
    ],
    [
      'PUT /api/v1/customers/{identifier}/devices',
      'yes',
      'Attributes beside platform are taken as well as those under attributes.',
    ],
    ['DELETE /api/v1/customers/{identifier}/devices/{device_id}', 'yes', ''],
    [
      'POST /api/v1/merge_customers',
      'yes',
      'Journeys and delivery history do not exist here. Uncertain: identifiers that the primary lacks go to it, the others become free; which of the two Customer.io does is not documented.',
    ],
    [
      'POST /api/v1/segments/{segment_id}/add_customers',
      'partly',
      'Any segment id is taken and exists from its first use.',
    ],
    ['POST /api/v1/segments/{segment_id}/remove_customers', 'partly', 'As add_customers.'],
    [
      'POST /api/v1/forms/{form_id}/submit',
      'partly',
      'Identifies the person; the form itself is not kept and fields cannot be mapped.',
    ],
    [
      'POST /api/v1/metrics',
      'partly',
      'Recorded for any delivery id. Uncertain: a missing delivery_id or an unknown metric answers 400; the specification knows 200 only.',
    ],
    ['POST /api/v1/push/events', 'partly', 'As metrics.'],
    ['POST /push/events', 'partly', 'As metrics; the Ruby client sends here.'],
    [
      'POST /api/v1/cio_deliveries/events',
      'partly',
      'As metrics; sent by older mobile and web clients. Uncertain: undocumented.',
    ],
    [
      'POST /unsubscribe/{delivery_id}',
      'partly',
      'Recorded as the metric unsubscribed; no delivery is known, so nobody is unsubscribed.',
    ],
    ['GET /auth', 'yes', 'An undocumented credential check; the body of its answer is uncertain.'],
  ]),
  ...rows('track v2', [
    ['POST /api/v2/entity', 'yes', ''],
    [
      'POST /api/v2/batch',
      'yes',
      'Items take effect in their order. Uncertain: a batch of nothing but invalid items answers 207; whether Customer.io answers 207 or 400 is not known, nor how many items it takes: here the 500 KB are the limit.',
    ],
    [
      'person: identify, delete, event, page, screen',
      'yes',
      'Events may also name an anonymous_id, as Segment and RudderStack send it.',
    ],
    [
      'person: add_relationships, delete_relationships',
      'yes',
      'Unknown objects and people are created. Uncertain: not documented.',
    ],
    ['person: add_device, delete_device, merge, suppress, unsuppress', 'yes', ''],
    [
      'person: viewed_content, clicked_content',
      'partly',
      'Undocumented, sent by Segment; recorded as activities. Uncertain: what Customer.io does with them.',
    ],
    [
      'object: identify, identify_anonymous, delete, add_relationships, delete_relationships',
      'yes',
      'Object types are not checked against a list. Attributes have no timestamps.',
    ],
    ['delivery: event', 'partly', 'Recorded for any delivery id; device_token is not asked for.'],
    [
      'errors',
      'partly',
      'The shapes are documented. Uncertain: texts and reasons; two texts are known to be Customer.io’s, the rest are the emulator’s own words. One fault is told for each item.',
    ],
  ]),
  ...rows('people', [
    [
      'order of identifies',
      'yes',
      'By timestamp for each attribute: older ones are dropped silently, equal and newer ones apply. Uncertain: a timestamp in milliseconds is taken as given and holds off all later ones; what Customer.io does is not known.',
    ],
    [
      'event dedupe',
      'yes',
      'By ULID over the whole workspace. Uncertain: for ever; Customer.io’s window is not documented. An id that is no ULID is kept and not compared. An event that had no effect does not count as received.',
    ],
    [
      'identifiers in the body',
      'yes',
      'An unknown path identifier replaces the one of whom the body names. A clash leaves a failed_attribute_change activity; the other attributes apply.',
    ],
    [
      'phone as an identifier',
      'partly',
      'In v2 only, and only as the identifier; an attribute called phone is a plain attribute.',
    ],
    ['removing an identifier with null or ""', 'no', 'Ignored.'],
    [
      '300 attributes for each person',
      'yes',
      'Those beyond fail with a failed_attribute_change activity. Uncertain: not documented.',
    ],
    [
      'the processing delay',
      'yes',
      'settleMs from acceptance to effect; reads see only what has taken effect.',
    ],
    [
      'time',
      'yes',
      'The machine’s, moved forward by /_emulator/clock; what waits for that time is done at once.',
    ],
    ['72 hours for campaign triggers', 'no', 'There are no campaigns.'],
  ]),
  ...rows('pipelines', [
    [
      'POST /v1/identify, track, page, screen, group, alias, batch',
      'yes',
      'Answers 200 whatever comes. Translated as Segment’s destination for Customer.io does; integrations and context, but for a device and the address of a page, are not read.',
    ],
    [
      'X-Strict-Mode: 1',
      'partly',
      'Uncertain: 400 and 401 in the meta shape, whose texts are the emulator’s own. Uncertain: a batch is taken whole or not at all: not documented. What only the workspace refuses, such as a value that is too long, has no effect and is no 400.',
    ],
    [
      'semantic events of track',
      'yes',
      'Names are compared exactly. Application Installed and the like are events as any other. Properties of a device event are its attributes, as the mobile clients send them.',
    ],
    [
      'identify by anonymousId alone',
      'partly',
      'Uncertain: it answers 200 and has no effect; what Customer.io keeps of it is not documented.',
    ],
    [
      'messageId',
      'yes',
      'Events are told apart by it, for ever; of other messages repeats have no other effect.',
    ],
    ['dates', 'yes', 'ISO 8601 texts become unix seconds, in objects down to a depth of 20, not in lists.'],
  ]),
  ...rows('app', APP_ROWS),
  ...rows('limits', [
    [
      'v2 item 32 KB, batch 500 KB',
      'yes',
      'KB is taken as 1024 bytes. Uncertain: a batch that is larger answers 400, an item within a batch is one error in a 207; the statuses are not documented.',
    ],
    [
      'identifiers and attribute names 150 bytes, values 1000 bytes, 300 attributes',
      'yes',
      'Uncertain: Track v1 identify answers 400; the specification knows no 400 there, and Customer.io may cut or drop instead.',
    ],
    ['event name 100 bytes, event data 100,000 bytes', 'yes', ''],
    ['object attributes 100 KB, segments 1000 ids', 'yes', ''],
    [
      '10 calls a second of the App API',
      'yes',
      'In "sluice dev" and "sluice emulator start"; off in tests unless asked for. 429 with Retry-After: 1. Uncertain: how a second is measured; here 10 may come at once and 10 more within the second that follows. The 100 archived messages a day are not counted.',
    ],
    [
      'rate limit of Track and Pipelines',
      'partly',
      'Off, since Customer.io does not strictly enforce it, unless a rate_limit fault sets one. Uncertain: the body of a 429 of the Track and Pipelines APIs is not documented, nor whether they send Retry-After: only when the fault is told to.',
    ],
  ]),
  ...rows('transport', [
    [
      'Basic and Bearer credentials',
      'yes',
      'Both alphabets of base64. Uncertain: the body of a 401 is not documented.',
    ],
    ['gzip bodies, any content type, absent bodies', 'yes', ''],
    [
      'recorded response headers',
      'partly',
      'Without alt-svc, which would announce HTTP/3 on a port that is not there.',
    ],
    [
      'redirects between regions',
      'partly',
      'There is one region; the fault redirect sends callers to another host. Uncertain: the status is not documented: 301 unless told.',
    ],
    [
      'TLS',
      'no',
      'Plain HTTP on loopback. Clients that insist on HTTPS (customerio-python, customerio-node before 4.5) need a proxy.',
    ],
  ]),
  ...rows('other', [
    ['reporting webhooks', 'no', ''],
    [
      'faults',
      'yes',
      'status, latency, cut, reset, rate_limit, outage, redirect at /_emulator/faults. A refused connection is played as a reset, since the control API listens on the same port.',
    ],
  ]),
]
