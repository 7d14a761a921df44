/**
 * What Customer.io receives otherwise than it was said, because the gateway is in between. The closed table behind
 * docs/differences.md; test/flow/differences.test.ts compares call by call, and finds no other difference.
 */
export const DIFFERENCES = {
  carrier: {
    what: 'The call: what Track v2 has a form for arrives as an item of POST /api/v2/batch, also what came as v1, as an entity or through Pipelines.',
    why: 'Batches across people are what keeps a backlog within the rate limit.',
  },
  headers: {
    what: 'Headers: Authorization is that of the workspace, User-Agent is Sluice, Content-Type is application/json, a packed body is unpacked; nothing else of the caller’s is passed on.',
    why: 'Applications have credentials of their own, and a batch has many callers.',
  },
  names: {
    what: 'Names of members that v1 or Pipelines has otherwise: data, _timestamp, a device’s id, traits, properties.',
    why: 'One form for all, in Customer.io’s own words for it.',
  },
  order: {
    what: 'The order of the known members of an operation, and the white space between them. Within attributes, data and devices nothing moves.',
    why: 'One act gives one text, whichever API it came by.',
  },
  event_id: {
    what: 'An event without an id gets a ULID; an id that is none becomes the ULID that is always made of it. A messageId of Pipelines does the same.',
    why: 'Customer.io dedupes on ULIDs alone, and every retry must be the same event.',
  },
  timestamp: {
    what: 'An event, an identify or a report without a timestamp gets the second of its receipt, and so does a device without last_used.',
    why: 'What is delivered late must not look as if it happened late.',
  },
  repeat: {
    what: 'An event whose id was accepted before is answered and not sent again.',
    why: 'It would change nothing, and counts towards the rate limit.',
  },
  time_fixed: {
    what: 'Milliseconds and dates where unix seconds belong become seconds (rule time_not_seconds, told in the answer).',
    why: 'See docs/preflight.md: the one default that changes a value.',
  },
  dates: {
    what: 'Dates among traits and properties of Pipelines become unix seconds.',
    why: 'Customer.io’s own destination does the same.',
  },
  left_out: {
    what: 'context, integrations, messageId and sentAt of Pipelines, and a body where v1 takes none.',
    why: 'They say nothing to Customer.io’s Journeys.',
  },
} as const satisfies Record<string, { what: string; why: string }>

export type Difference = keyof typeof DIFFERENCES
