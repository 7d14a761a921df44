/** A route of the emulator as plain data: a pure function from a call to an answer. server.ts does the rest. */
import type { Answer } from './answers.ts'

export interface Call {
  /** Percent-decoded. */
  readonly params: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, string | undefined>>
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** The body, unzipped. */
  readonly text: string
}

export interface Route {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE'
  readonly path: string
  readonly auth: 'basic' | 'bearer' | 'none'
  readonly respond: (call: Call) => Answer
}

/** A whole number in the query within bounds; `fallback` when it is absent or no number. */
export function wholeNumber(text: string | undefined, bounds: { fallback: number; most: number }): number {
  if (text === undefined || !/^\d+$/.test(text)) return bounds.fallback
  return Math.min(Number(text), bounds.most)
}
