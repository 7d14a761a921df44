/** The dead letters over HTTP: looked through page by page, replayed or dropped one by one or by what they have in common. */
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { SluiceError } from '../core/errors.ts'
import { bodyText } from '../http/body.ts'
import { type DeadSelection, LETTER_STATES, type Ledger } from '../ledger/ledger.ts'
import { readJson, readWith } from './input.ts'
import type { Done, LetterPage } from './wire.ts'

export interface DeadLetterDeps {
  readonly ledger: Ledger
  /** Puts waiting letters through delivery again; returns how many were waiting. */
  replay(ids: readonly string[]): Promise<number>
  /** Gives waiting letters up for good; returns how many were waiting. */
  drop(ids: readonly string[]): Promise<number>
}

const PAGE = 100
const MOST = 1000
const SHOWN_IDS = 100

/** Milliseconds since 1970, or RFC 3339. */
const instant = z
  .union([z.number(), z.string().min(1)])
  .transform((given) => (Number.isFinite(Number(given)) ? Number(given) : Date.parse(String(given))))
  .pipe(z.number())

const SELECTORS = {
  code: z.string().min(1),
  kind: z.string().min(1),
  key: z.string().min(1),
  since: instant,
  group: z.string().min(1),
} as const

const QUERY = z
  .strictObject({
    ...SELECTORS,
    state: z.enum(LETTER_STATES),
    limit: z.coerce.number().int().min(1).max(MOST),
    after: z.string(),
  })
  .partial()

const SELECTION = z
  .strictObject({ ...SELECTORS, ids: z.array(z.string()).min(1).max(MOST), dry_run: z.boolean() })
  .partial()
type Selection = z.infer<typeof SELECTION>

export function deadLetterRoutes(app: FastifyInstance, deps: DeadLetterDeps): void {
  const { dead } = deps.ledger
  app.get('/dead-letters', async (request): Promise<LetterPage> => {
    const { limit = PAGE, ...query } = readWith(QUERY, request.query)
    const found = await dead.list(withoutUnset({ ...query, limit: limit + 1 }))
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
    act(deps.replay, readSelection(bodyText(request)), deps),
  )
  app.post('/dead-letters/drop', async (request) => act(deps.drop, readSelection(bodyText(request)), deps))
}

/** Nothing is selected by silence: an empty selection is refused rather than taken for all. */
function readSelection(text: string): Selection {
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
  { ledger }: DeadLetterDeps,
): Promise<Done> {
  const { dry_run = false, ...selectors } = selection
  const ids = await ledger.dead.ids(withoutUnset({ ...selectors, state: 'waiting' }))
  let count = dry_run ? ids.length : 0
  if (!dry_run) for (let at = 0; at < ids.length; at += MOST) count += await verb(ids.slice(at, at + MOST))
  return { count, ids: ids.slice(0, SHOWN_IDS), dry_run }
}

type Loose<Query> = { [Name in keyof Query]: Query[Name] | undefined }

/** The query with only what is set, as the contract wants it. */
function withoutUnset<Query extends DeadSelection>(query: Loose<Query>): Query {
  const set = Object.entries(query).filter(([, value]) => value !== undefined)
  return Object.fromEntries(set) as Query // what may be unset may be left out
}
