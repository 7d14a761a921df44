/**
 * JSON kept as text. Numbers with 20 digits, key order and escapes reach Customer.io as they came (promise P12), which
 * a round trip through JSON.parse cannot do. Everything here expects text that JSON.parse has already accepted.
 */

export interface Member {
  readonly key: string
  /** The value as it stands in the text, without the white space around it. */
  readonly value: string
}

const QUOTE = 34
const BACKSLASH = 92
const COMMA = 44

const isSpace = (code: number) => code === 32 || code === 10 || code === 13 || code === 9

function skipSpace(text: string, from: number): number {
  let at = from
  while (isSpace(text.charCodeAt(at))) at += 1
  return at
}

/** The index after the string that opens at `open`: a quote ends it unless an odd number of backslashes stands before. */
function endOfString(text: string, open: number): number {
  let close = text.indexOf('"', open + 1)
  for (;;) {
    let slashes = 0
    while (text.charCodeAt(close - 1 - slashes) === BACKSLASH) slashes += 1
    if (slashes % 2 === 0) return close + 1
    close = text.indexOf('"', close + 1)
  }
}

/** The index after the object or array that opens at `open`; braces within strings do not count. */
function endOfNested(text: string, open: number): number {
  let depth = 0
  let at = open
  for (;;) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) {
      at = endOfString(text, at)
      continue
    }
    if (code === 123 || code === 91) depth += 1
    else if (code === 125 || code === 93) {
      depth -= 1
      if (depth === 0) return at + 1
    }
    at += 1
  }
}

function endOfValue(text: string, start: number): number {
  const code = text.charCodeAt(start)
  if (code === QUOTE) return endOfString(text, start)
  if (code === 123 || code === 91) return endOfNested(text, start)
  let at = start
  for (;;) {
    const next = text.charCodeAt(at)
    if (next === COMMA || next === 125 || next === 93 || isSpace(next) || at >= text.length) return at
    at += 1
  }
}

/** The members of an object in their order. A key given twice comes twice; as in JSON.parse, the last one counts. */
export function members(text: string): Member[] {
  const found: Member[] = []
  let at = skipSpace(text, skipSpace(text, 0) + 1)
  while (text.charCodeAt(at) === QUOTE) {
    const keyEnd = endOfString(text, at)
    const key: unknown = JSON.parse(text.slice(at, keyEnd))
    const start = skipSpace(text, skipSpace(text, keyEnd) + 1)
    const end = endOfValue(text, start)
    found.push({ key: String(key), value: text.slice(start, end) })
    at = skipSpace(text, end)
    if (text.charCodeAt(at) === COMMA) at = skipSpace(text, at + 1)
  }
  return found
}

/** The elements of an array, each as it stands in the text. */
export function elements(text: string): string[] {
  const found: string[] = []
  let at = skipSpace(text, skipSpace(text, 0) + 1)
  while (at < text.length && text.charCodeAt(at) !== 93) {
    const end = endOfValue(text, at)
    found.push(text.slice(at, end))
    at = skipSpace(text, end)
    if (text.charCodeAt(at) === COMMA) at = skipSpace(text, at + 1)
  }
  return found
}

/** The members as a map, the last of a repeated key. */
export function memberMap(text: string): Map<string, string> {
  return new Map(members(text).map(({ key, value }) => [key, value]))
}

/** An object's text from keys and value texts. */
export function objectText(parts: Iterable<readonly [key: string, value: string]>): string {
  const texts: string[] = []
  for (const [key, value] of parts) texts.push(`${JSON.stringify(key)}:${value}`)
  return `{${texts.join(',')}}`
}

/** Bytes in UTF-8: every limit of Customer.io counts bytes, not characters. */
export const byteLength = (text: string): number => Buffer.byteLength(text, 'utf8')

/** The parsed value, or undefined when the text is not JSON (JSON itself has no undefined). */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export type JsonObject = { readonly [key: string]: unknown }

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A scalar as text, anything else as ''. String() of an object would call what the object brings along as `toString`. */
export function plainText(value: unknown): string {
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : ''
}

/** A number, or the number that a text says; anything else is NaN, for the same reason. */
export const plainNumber = (value: unknown): number =>
  typeof value === 'number' || typeof value === 'string' ? Number(value) : Number.NaN
