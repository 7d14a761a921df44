/**
 * Finds the route of a request. Literal parts of a path go before parameters, which are percent-decoded one by one; a path
 * that ends in `*` is for everything below.
 */
import type { Route } from './route.ts'

export interface Found {
  readonly route: Route
  readonly params: Readonly<Record<string, string>>
}

interface Pattern {
  readonly route: Route
  readonly parts: readonly string[]
}

export class Router {
  readonly #literal = new Map<string, Route>()
  readonly #patterns: Pattern[] = []

  constructor(routes: readonly Route[]) {
    for (const route of routes) {
      if (/[:*]/.test(route.path)) this.#patterns.push({ route, parts: route.path.split('/') })
      else this.#literal.set(`${route.method} ${route.path}`, route)
    }
  }

  /** `path` without its query. Throws a URIError for a part that is no percent-encoding. */
  find(method: string, path: string): Found | undefined {
    const literal = this.#literal.get(`${method} ${path}`)
    if (literal !== undefined) return { route: literal, params: {} }
    const given = path.split('/')
    const found = this.#patterns.find(({ route, parts }) => route.method === method && fits(parts, given))
    return found && { route: found.route, params: paramsOf(found.parts, given) }
  }
}

function fits(parts: readonly string[], given: readonly string[]): boolean {
  const isOpen = parts.at(-1) === '*'
  if (isOpen ? given.length < parts.length : given.length !== parts.length) return false
  return parts.every((part, at) => part === '*' || fitsPart(part, given[at]))
}

/** An empty part is no value of a parameter. */
const fitsPart = (part: string, given: string | undefined): boolean =>
  part.startsWith(':') ? given !== '' : part === given

function paramsOf(parts: readonly string[], given: readonly string[]): Record<string, string> {
  const params: Record<string, string> = {}
  for (const [at, part] of parts.entries())
    if (part.startsWith(':')) params[part.slice(1)] = decodeURIComponent(given[at] ?? '')
  return params
}
