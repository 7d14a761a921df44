/**
 * Text of others, made fit for a terminal. A person's name may hold line breaks, which would forge lines, and escapes,
 * which could move the cursor or worse. They are written as \u escapes, which JSON reads back as they were.
 */

const ESCAPE = '\\u001b'
/** C0 and C1, line and paragraph separators, and the marks that turn the direction of writing. */
const UNFIT = '\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069'
/** Our own colours stay. */
const FIND = new RegExp(`${ESCAPE}\\[[0-9;]*m|[${UNFIT}]`, 'g')

export const visible = (text: string): string =>
  text.replace(FIND, (found) =>
    found.length > 1 ? found : `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
