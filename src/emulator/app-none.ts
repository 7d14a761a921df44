/**
 * App API: what an emulated workspace has none of. Lists are empty and single ones are not found, which is what
 * Customer.io answers of a new workspace; making them is not emulated.
 */
import { type AppRoute, appValue, notFound } from './app-route.ts'

/** The path of a list, and the name under which the list stands. */
const LISTS: Readonly<Record<string, string>> = {
  '/broadcasts': 'broadcasts',
  '/campaigns': 'campaigns',
  '/collections': 'collections',
  '/messages': 'messages',
  '/newsletters': 'newsletters',
  '/reporting_webhooks': 'reporting_webhooks',
  '/sender_identities': 'sender_identities',
  '/snippets': 'snippets',
  '/subscription_channels': 'channels',
  '/transactional': 'messages',
}

/** Those that come in pages. */
const PAGED = new Set(['/messages', '/newsletters', '/sender_identities'])

/** One of them, and everything below it. */
const SINGLE = [
  '/broadcasts',
  '/campaigns',
  '/collections',
  '/imports',
  '/messages',
  '/newsletters',
  '/reporting_webhooks',
  '/sender_identities',
  '/transactional',
]

export const NONE: readonly AppRoute[] = [
  ...Object.entries(LISTS).map(
    ([path, name]): AppRoute => ({
      method: 'GET',
      path,
      respond: () => appValue({ [name]: [], ...(PAGED.has(path) && { next: '' }) }),
    }),
  ),
  ...SINGLE.flatMap((path) => [`${path}/:id`, `${path}/:id/*`]).map(
    (path): AppRoute => ({ method: 'GET', path, respond: notFound }),
  ),
]
