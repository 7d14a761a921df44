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
  /** From now on `key` is ordered by `canonical` (resolved first). Durable when it resolves; linking twice changes nothing. */
  link(key: string, canonical: string): Promise<void>
  /** Every key that is not its own, with what it resolves to: linked anew in any order, they all resolve alike. */
  links(): AsyncIterable<readonly Link[]>
}
