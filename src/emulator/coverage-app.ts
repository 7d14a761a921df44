/** The part of the coverage table that is about the App API. */
import { NONE } from './app-none.ts'

type Row = readonly [operation: string, emulated: 'yes' | 'partly' | 'no', note: string]

const NO_DELIVERIES = 'There are no deliveries.'

export const APP_ROWS: readonly Row[] = [
  ['GET /v1/customers?email=', 'yes', 'An unencoded + is a space, and finds nobody.'],
  [
    'POST /v1/customers',
    'yes',
    'Filters of and, or, not, segment and attribute (eq, exists). Values are compared as text.',
  ],
  [
    'GET /v1/customers/{id}/attributes',
    'yes',
    'Subscription topics have no defaults, so the computed preferences are those that were set.',
  ],
  ['POST /v1/customers/attributes', 'yes', ''],
  ['GET /v1/customers/{id}/activities', 'yes', 'Activities exist for what the emulator does.'],
  ['GET /v1/customers/{id}/segments', 'yes', 'Manual segments alone.'],
  [
    'GET /v1/customers/{id}/relationships',
    'yes',
    'Takes id_type as well. Attributes of a relationship have no timestamps.',
  ],
  ['GET /v1/customers/{id}/messages', 'partly', NO_DELIVERIES],
  [
    'GET /v1/customers/{id}/subscription_preferences',
    'partly',
    'The topics are those that anybody’s preferences name, and all are subscribed to by default. The language is not read.',
  ],
  [
    'GET /v1/subscription_center/{id}/token',
    'partly',
    'A token that never expires; the page at its URL is not emulated.',
  ],
  ['GET /v1/subscription_topics', 'partly', 'As subscription_preferences.'],
  ['GET /v1/activities', 'yes', 'Bounded to the last million effects.'],
  [
    'GET /v1/segments',
    'yes',
    'Manual segments; one that only Track has named is called after its number. A segment is always finished.',
  ],
  [
    'POST /v1/segments',
    'yes',
    'What was accepted before it takes effect at once, since this API answers with what is there.',
  ],
  ['GET /v1/segments/{id}', 'yes', ''],
  ['DELETE /v1/segments/{id}', 'yes', ''],
  ['GET /v1/segments/{id}/customer_count', 'yes', ''],
  ['GET /v1/segments/{id}/membership', 'yes', ''],
  ['GET /v1/segments/{id}/used_by', 'partly', 'Used by nothing, since there are no campaigns.'],
  ['GET /v1/object_types', 'partly', 'Those that any object has, called after their numbers.'],
  ['POST /v1/objects', 'yes', ''],
  ['GET /v1/objects/{type}/{id}/attributes', 'yes', 'Without timestamps.'],
  ['GET /v1/objects/{type}/{id}/relationships', 'yes', ''],
  ['GET /v1/exports', 'yes', 'None are null, as recorded.'],
  ['GET /v1/exports/{id}', 'yes', ''],
  [
    'GET /v1/exports/{id}/download',
    'yes',
    'Uncertain: a link to CSV that is good for 15 minutes; Customer.io’s columns are not documented.',
  ],
  ['POST /v1/exports/customers', 'yes', 'Done at once; read when it is downloaded.'],
  ['POST /v1/exports/deliveries', 'partly', NO_DELIVERIES],
  ['GET /v1/workspaces', 'yes', 'One.'],
  ['GET /v1/info/ip_addresses', 'yes', 'Nothing calls from here but 127.0.0.1.'],
  ...NONE.filter(({ path }) => !path.endsWith('*')).map(
    ({ method, path }): Row => [
      `${method} /v1${path.replace(':id', '{id}')}`,
      'partly',
      path.endsWith(':id') ? 'Not found, and nothing below it: there are none.' : 'There are none.',
    ],
  ),
  ['POST /v1/send/{channel}', 'no', 'Answers 501, and 405 for a channel that does not exist.'],
  ['POST /v1/campaigns/{id}/triggers', 'no', 'Answers 501.'],
  ['everything else under /v1', 'no', 'Answers 501 in the form of the App API.'],
]
