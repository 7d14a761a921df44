/** What preflight looks at, and what it finds. Plain data. */
import type { JsonObject } from '../core/json.ts'
import type { RuleName } from './rules.ts'

/** One operation in Track v2 form: what JSON.parse made of it, to look into, and the texts of its members. */
export interface Subject {
  readonly kind: string
  readonly value: JsonObject
  readonly members: ReadonlyMap<string, string>
}

/** How one member is put right: its text before, its text after. */
export interface Fix {
  readonly member: string
  readonly apply: (text: string) => string
}

export interface Finding {
  readonly rule: RuleName
  /** A path such as `attributes.plan`, in the terms of Track v2. */
  readonly field: string
  readonly message: string
  /** What was counted, where there is a limit of bytes or of things. */
  readonly counted?: number
  readonly fix?: Fix
}

/** Looks at the subject and adds what it finds. */
export type Check = (subject: Subject, found: Finding[]) => void

/** A finding, and what is done about it. */
export interface Judged extends Finding {
  readonly policy: 'fix' | 'warn' | 'refuse'
}

/** What is kept with an operation, for `sluice trace`. */
export interface Kept {
  readonly rule: RuleName
  readonly field: string
  readonly fixed?: true
}

/** So many are kept: a header is for people to read, and counts towards the log. */
const MOST_KEPT = 10

/** Findings as the header of a record has them. */
export const findingsText = (judged: readonly Judged[]): string =>
  JSON.stringify(
    judged
      .slice(0, MOST_KEPT)
      .map(({ rule, field, policy }): Kept => ({ rule, field, ...(policy === 'fix' && { fixed: true }) })),
  )
