/** What may be asked for by name. A misspelt one would find nothing for ever, and look like good news. */
import { didYouMean } from '../core/closest.ts'
import { ERRORS, SluiceError } from '../core/errors.ts'
import { KINDS } from '../core/operation.ts'
import { OUTCOMES } from '../core/outcome.ts'
import { UNREADABLE } from '../core/record.ts'

interface Vocabulary {
  readonly words: readonly string[]
  /** What they are, for somebody who was nowhere near one of them. */
  readonly about: string
}

export const CODES: Vocabulary = {
  words: Object.keys(ERRORS),
  about: 'one of the codes of "sluice explain"',
}

const KIND_NAMES = [...Object.keys(KINDS), UNREADABLE]

export const KINDS_WHOLE: Vocabulary = { words: KIND_NAMES, about: 'a kind such as person.event' }

/** `person.event`, or `event` for short. */
export const KINDS_SHORT: Vocabulary = {
  words: [...KIND_NAMES, ...KIND_NAMES.map((kind) => kind.slice(kind.indexOf('.') + 1))],
  about: 'a kind such as person.event, or event for short',
}

/** What `statusWords` makes of a happening, but for the statuses of HTTP. */
export const STATUSES: Vocabulary = {
  words: ['accepted', 'ok', 'failed', 'retrying', ...OUTCOMES, ...CODES.words],
  about: 'accepted, ok, failed, retrying, an outcome, a code or an HTTP status',
}

/** The word itself. Throws `bad_usage` for one that nothing is called by. */
export function knownAs(flag: string, word: string, { words, about }: Vocabulary): string {
  if (words.includes(word)) return word
  throw new SluiceError('bad_usage', `${flag} "${word}" is nothing that could be found.`, {
    hint: didYouMean(word, words, `It must be ${about}.`),
  })
}
