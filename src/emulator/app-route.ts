/** What the routes of the App API have in common: the workspace they read, their errors, and lists in pages. */
import { type Answer, appError, appJson } from './answers.ts'
import type { Item } from './item.ts'
import { type Call, type Route, wholeNumber } from './route.ts'
import type { State } from './state.ts'

/** The workspace as the App API sees it: what has taken effect. */
export interface AppWorkspace {
  readonly state: State
  /** Takes effect before it returns, unlike what comes through the Track API. */
  write(item: Item): void
  /** Milliseconds since 1970. */
  now(): number
}

export interface AppRoute {
  readonly method: Route['method']
  /** Below `/v1`. */
  readonly path: string
  /** Default: a bearer token. */
  readonly auth?: Route['auth']
  readonly respond: (workspace: AppWorkspace, call: Call) => Answer
}

export const notFound = (): Answer => appError(404, 'not found')

export const isAnswer = (found: object): found is Answer => 'status' in found && 'headers' in found

interface Bounds {
  readonly fallback: number
  readonly most: number
}

/** One page of a list that is sorted by `keyOf`, and the `start` of the next one: empty when there is none. */
export function pageOf<T>(
  list: Iterable<T>,
  { query }: Call,
  { keyOf, ...bounds }: Bounds & { keyOf: (item: T) => string },
): { page: T[]; next: string } {
  const limit = Math.max(1, wholeNumber(query.limit, bounds))
  const page: T[] = []
  for (const item of list) {
    if (query.start !== undefined && query.start !== '' && keyOf(item) <= query.start) continue
    const last = page.at(-1)
    if (page.length === limit && last !== undefined) return { page, next: keyOf(last) }
    page.push(item)
  }
  return { page, next: '' }
}

/** A body with one list under `name` and the start of the next page; the items are JSON texts. */
export const listText = (name: string, texts: readonly string[], next: string): Answer =>
  appJson(`{"${name}":[${texts.join(',')}],"next":${JSON.stringify(next)}}`)

export const appValue = (value: object): Answer => appJson(JSON.stringify(value))
