/**
 * Text of others, made fit for a terminal. A person's name may hold line breaks, which would forge lines, and escapes,
 * which could move the cursor, colour a word as if we had said it, or worse. They are written as \u escapes, which JSON reads
 * back as they were.
 */
import { OWN_ESCAPE } from './paint.ts'

/** C0 and C1, line and paragraph separators, and the marks that turn the direction of writing. */
const UNFIT = '\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069'
/** Our own colours become some. */
const FIND = new RegExp(`${OWN_ESCAPE}|[${UNFIT}]`, 'g')

export const visible = (text: string): string =>
  text.replace(FIND, (found) =>
    found === OWN_ESCAPE ? '\u001b' : `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
