/** The dead letters over HTTP: looked through page by page, replayed or dropped one by one or by what they have in common. */
import type { FastifyInstance } from 'fastify'
import { isAway, SluiceError } from '../core/errors.ts'
import { bodyText } from '../http/body.ts'
import type { DeadSelection, Ledger } from '../ledger/ledger.ts'
import type { People } from '../people/people.ts'
import { MOST, readJson, readWith } from './input.ts'
import type { Selection } from './queries.ts'
import type { Done, LetterPage } from './wire.ts'

export interface DeadLetterDeps {
  readonly ledger: Ledger
  readonly people: Pick<People, 'resolve'>
  /** Puts waiting letters through delivery again; returns how many were waiting. */
  replay(ids: readonly string[]): Promise<number>
  /** Gives waiting letters up for good; returns how many were waiting. */
  drop(ids: readonly string[]): Promise<number>
}

const PAGE = 100
const SHOWN_IDS = 100

export function deadLetterRoutes(app: FastifyInstance, deps: DeadLetterDeps): void {
  const { dead } = deps.ledger
  app.get('/dead-letters', async (request): Promise<LetterPage> => {
    const { LETTERS } = await import('./queries.ts')
    const { limit = PAGE, key, ...query } = readWith(LETTERS, request.query)
    const keys = await keysOf(key, deps)
    const found = await dead.list(withoutUnset({ ...query, keys, limit: limit + 1 }))
    const data = found.slice(0, limit)
    return { data, next_cursor: found.length > limit ? (data.at(-1)?.id ?? null) : null }
  })
  app.get('/dead-letters/groups', async () => ({ data: await dead.groups() }))
  app.get<{ Params: { id: string } }>('/dead-letters/:id', async ({ params: { id } }) => {
    const letter = await dead.find(id)
    if (letter) return letter
    throw new SluiceError('not_found', `No dead letter ${id} is known.`, { details: { id } })
  })
  app.post('/dead-letters/replay', async (request) =>
    act(deps.replay, await readSelection(bodyText(request)), deps),
  )
  app.post('/dead-letters/drop', async (request) =>
    act(deps.drop, await readSelection(bodyText(request)), deps),
  )
}

/** Nothing is selected by silence: an empty selection is refused rather than taken for all. */
async function readSelection(text: string): Promise<Selection> {
  const { SELECTION } = await import('./queries.ts')
  const selection = readWith(SELECTION, readJson(text))
  const { ids, dry_run, ...selectors } = selection
  const selecting = Object.keys(selectors).length
  if (ids && selecting === 0) return selection
  if (!ids && selecting > 0) return selection
  throw new SluiceError(
    'bad_request',
    'Say which letters: either "ids", or some of group, code, kind, key, since.',
  )
}

async function act(
  verb: (ids: readonly string[]) => Promise<number>,
  selection: Selection,
  deps: DeadLetterDeps,
): Promise<Done> {
  const { dry_run = false, key, ...selectors } = selection
  const keys = await keysOf(key, deps)
  const ids = await deps.ledger.dead.ids(withoutUnset({ ...selectors, keys, state: 'waiting' }))
  let count = dry_run ? ids.length : 0
  if (!dry_run) for (let at = 0; at < ids.length; at += MOST) count += await verb(ids.slice(at, at + MOST))
  return { count, ids: ids.slice(0, SHOWN_IDS), dry_run }
}

/**
 * A letter is kept under the key that its person had then: the one that is given, or the one that it belongs to by now. A bus that
 * is away and has the links is not needed to look through what lies here.
 */
async function keysOf(key: string | undefined, { people }: DeadLetterDeps): Promise<string[] | undefined> {
  if (key === undefined) return undefined
  const now = await people.resolve([key]).catch((thrown) => {
    if (isAway(thrown)) return []
    throw thrown
  })
  return [key, ...now]
}

type Loose<Query> = { [Name in keyof Query]: Query[Name] | undefined }

/** The query with only what is set, as the contract wants it. */
function withoutUnset<Query extends DeadSelection>(query: Loose<Query>): Query {
  const set = Object.entries(query).filter(([, value]) => value !== undefined)
  return Object.fromEntries(set) as Query // what may be unset may be left out
}
