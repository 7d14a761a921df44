/**
 * People: which identifiers belong to one person. Two identifiers are two keys until an identify or a merge says that
 * they are one; from then on what is said under either goes into one lane, in one order (promise P3).
 */
export interface Link {
  readonly key: string
  readonly canonical: string
}

export interface People extends AsyncDisposable {
  /** The key that orders each of these keys: itself, unless it was linked. In the order given. */
  resolve(keys: readonly string[]): Promise<readonly string[]>
  /**
   * From now on `key` is ordered by `canonical` (resolved first). Durable when it resolves; linking twice changes nothing.
   * `by` names the publication that says it.
   */
  link(key: string, canonical: string, by?: string): Promise<void>
  /** Every key that is not its own, with what it resolves to: linked anew in any order, they all resolve alike. */
  links(): AsyncIterable<readonly Link[]>
}

/** People of one process, which were told by which publication of its log they learnt last. */
export interface OwnPeople extends People {
  /** What the last link that changed anything was said by, as durable as that link; undefined when it was not told. */
  lastBy(): Promise<string | undefined>
}
