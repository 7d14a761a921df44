/** What a network or a server does to a call, and what that must come to. */

export interface Pathology {
  readonly name: string
  readonly url: string
  /** Verdicts that are right: the kind, and the code where it has one. */
  readonly expect: readonly string[]
  readonly withinMs: number
  /** A first call goes well; the second meets the pathology. */
  readonly warmUp?: true
}
