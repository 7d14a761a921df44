/** Happenings as lines: what `sluice tail` and `sluice dev` show. */

import type { Happening } from '../core/feed.ts'
import { isObject, parseJson } from '../core/json.ts'
import type { Api } from './api.ts'
import type { Output } from './output.ts'
import type { Paint, Style } from './paint.ts'

/** Lines were left out here, since this reader was too slow. */
export interface Skipped {
  readonly skipped: number
}

export const isSkipped = (line: Happening | Skipped): line is Skipped => 'skipped' in line

/** What a running Sluice tells from now on. The lines are those of its own admin API, taken on trust. */
export async function* watchFeed(api: Api, onConnected = () => {}): AsyncGenerator<Happening | Skipped> {
  for await (const line of api.lines('/admin/v1/tail', onConnected)) {
    const document = parseJson(line)
    if (isObject(document)) yield document as unknown as Happening | Skipped
  }
}

export interface FeedFilter {
  readonly kinds: readonly string[]
  readonly people: readonly string[]
  readonly sources: readonly string[]
  /** Words of `statusWords`. */
  readonly statuses: readonly string[]
  readonly text: string | undefined
}

/** True when the happening meets every condition that is set. */
export function matches(happening: Happening, filter: FeedFilter): boolean {
  const { kinds, people, sources, statuses, text } = filter
  if (kinds.length > 0 && !kinds.some((kind) => isOfKind(happening.kind, kind))) return false
  if (people.length > 0 && !people.some((person) => isOfPerson(happening.key, person))) return false
  if (sources.length > 0 && !sources.includes(happening.source ?? '')) return false
  if (statuses.length > 0 && !statusWords(happening).some((word) => statuses.includes(word))) return false
  return text === undefined || JSON.stringify(happening).toLowerCase().includes(text.toLowerCase())
}

/** `person.event`, or `event` for short. */
const isOfKind = (kind: string, wanted: string) => kind === wanted || kind.endsWith(`.${wanted}`)
/** `id:42`, or `42` for short. */
const isOfPerson = (key: string, wanted: string) =>
  key === wanted || key.slice(key.indexOf(':') + 1) === wanted

/** What a happening can be asked for by: accepted, ok, failed, retrying, an outcome, a code, an HTTP status. */
export function statusWords({ what, code, status, outcome }: Happening): readonly string[] {
  if (what === 'accepted') return ['accepted']
  if (what === 'ended') return [outcome ?? '', ...(outcome === 'dead' ? ['failed'] : [])]
  const result = code === 'ok' ? ['ok'] : ['failed', 'retrying', code ?? '']
  return [...result, String(status)]
}

const ENDINGS: Readonly<Record<string, readonly [sign: string, style: Style]>> = {
  delivered: ['✔', 'green'],
  coalesced: ['≡', 'dim'],
  suppressed: ['⊘', 'yellow'],
  dead: ['✖', 'red'],
}

/** How a line is dressed: what an output says of colour and of time. */
export type Look = Pick<Output, 'paint' | 'stamp'>

/** One line. State is said in a word as well as by its sign and colour. */
export function feedLine(happening: Happening, look: Look): string {
  const { paint } = look
  const { at, id, key, kind } = happening
  const subject = `${kind.padEnd(18)} ${key.padEnd(22)} ${paint('dim', id)}`
  return `${paint('dim', look.stamp(at))}  ${sign(happening, paint)}  ${subject}  ${remark(happening, paint)}`.trimEnd()
}

function sign({ what, outcome }: Happening, paint: Paint): string {
  if (what === 'accepted') return paint('cyan', '▸ in        ')
  if (what === 'attempted') return paint('blue', '◂ out       ')
  const word = outcome ?? 'ended'
  const [mark, style] = ENDINGS[word] ?? ['?', 'red']
  return paint(style, `${mark} ${word.padEnd(10)}`)
}

function remark({ what, source, status, code, ms, attempt, detail }: Happening, paint: Paint): string {
  if (what === 'accepted') return source ?? ''
  if (what === 'ended') return detail ?? ''
  const answer = code === 'ok' ? `${status} ok` : paint('red', `${status ?? 'no answer'} ${code ?? ''}`)
  const parts = [
    answer,
    ms === undefined ? '' : `${Math.round(ms)} ms`,
    attempt === undefined ? '' : `attempt ${attempt}`,
  ]
  return [...parts, detail ?? ''].filter(Boolean).join('  ')
}
