/** App API: reads of what has taken effect, segments and exports. Sending is not emulated, and says so. */
import { type Answer, appUnsupported, sendError } from './answers.ts'
import { ACTIVITIES } from './app-activities.ts'
import { downloadRoute, EXPORTS } from './app-exports.ts'
import { NONE } from './app-none.ts'
import { OBJECTS, objectTypes } from './app-objects.ts'
import { PEOPLE } from './app-people.ts'
import { type AppRoute, type AppWorkspace, appValue } from './app-route.ts'
import { SEGMENTS } from './app-segments.ts'
import { SUBSCRIPTIONS } from './app-subscriptions.ts'
import type { Route } from './route.ts'

/** No other address calls from here. Customer.io asks for no credentials. */
const ADDRESSES: AppRoute = {
  method: 'GET',
  path: '/info/ip_addresses',
  auth: 'none',
  respond: () => appValue({ ip_addresses: ['127.0.0.1'] }),
}

const WORKSPACES: AppRoute = {
  method: 'GET',
  path: '/workspaces',
  respond: ({ state }) => {
    const figures = { messages_sent: 0, billable_messages_sent: 0, people: state.people.size }
    const objects = { object_types: objectTypes(state).length, objects: state.objects.size }
    return appValue({ workspaces: [{ id: 1, name: 'Emulated', ...figures, ...objects }] })
  },
}

/** The channels of `/v1/send`; any other is a 405, as documented for a path that is misspelt. */
const CHANNELS = ['email', 'push', 'sms', 'whatsapp', 'in_app', 'inbox_message']

const SENDS: readonly AppRoute[] = [
  { method: 'POST', path: '/send/:channel', respond: (_at, { params }) => send(params.channel ?? '') },
  {
    method: 'POST',
    path: '/campaigns/:broadcast/triggers',
    respond: () => appUnsupported('Triggering a broadcast is not emulated.'),
  },
]

const send = (channel: string): Answer =>
  CHANNELS.includes(channel)
    ? sendError(501, `Sending by ${channel} is not emulated.`)
    : sendError(405, 'Method Not Allowed')

const ROUTES = [
  ...PEOPLE,
  ...SUBSCRIPTIONS,
  ...ACTIVITIES,
  ...SEGMENTS,
  ...OBJECTS,
  ...EXPORTS,
  ...NONE,
  ADDRESSES,
  WORKSPACES,
  ...SENDS,
]

/** Each path also with the prefix `/v1/api`, which clients before node 4.5 used. */
export function appRoutes(at: AppWorkspace): Route[] {
  const under = (prefix: string) =>
    ROUTES.map(
      ({ method, path, auth = 'bearer', respond }): Route => ({
        method,
        path: prefix + path,
        auth,
        respond: (call) => respond(at, call),
      }),
    )
  return [...under('/v1'), ...under('/v1/api'), downloadRoute(at)]
}
