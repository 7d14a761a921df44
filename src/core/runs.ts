/**
 * Columns of values that mostly are the same as the one before, as runs: a value, how often, the next value, how often, …
 * What lies in many records with little difference is written and read so in a fraction of the time.
 */
export type Runs = readonly number[]

export class RunWriter {
  readonly runs: number[] = []
  #last: number | undefined

  add(value: number): void {
    const { runs } = this
    if (value === this.#last) runs[runs.length - 1] = (runs[runs.length - 1] ?? 0) + 1
    else runs.push(value, 1)
    this.#last = value
  }
}

export class RunReader {
  readonly #runs: Runs
  #at = -2
  #left = 0

  constructor(runs: Runs) {
    this.#runs = runs
  }

  /** The next value; 0 after the last. */
  next(): number {
    if (this.#left === 0) {
      this.#at += 2
      this.#left = this.#runs[this.#at + 1] ?? 0
    }
    this.#left -= 1
    return this.#runs[this.#at] ?? 0
  }
}

/** Distinct values, and runs of their places. */
export interface Column<T> {
  readonly values: readonly T[]
  readonly runs: Runs
}

/** How many have each value. */
export function countsOf<T>({ values, runs }: Column<T>): Map<T, number> {
  const counts = new Map<T, number>()
  for (let at = 0; at < runs.length; at += 2) {
    const value = values[runs[at] ?? 0]
    if (value !== undefined) counts.set(value, (counts.get(value) ?? 0) + (runs[at + 1] ?? 0))
  }
  return counts
}

/** Writes a column. Mostly the same object comes again, which is made into text, to be compared, only once. */
export class ColumnWriter<T> {
  readonly #known = new Map<T, number>()
  readonly #places = new Map<string, number>()
  readonly #values: T[] = []
  readonly #runs = new RunWriter()
  readonly #textOf: (value: T) => string
  #last: T | undefined
  #place = -1

  /** `textOf` is the same for values that mean the same. */
  constructor(textOf: (value: T) => string) {
    this.#textOf = textOf
  }

  add(value: T): void {
    if (value !== this.#last || this.#place < 0) this.#place = this.#known.get(value) ?? this.#placeOf(value)
    this.#last = value
    this.#runs.add(this.#place)
  }

  get column(): Column<T> {
    return { values: this.#values, runs: this.#runs.runs }
  }

  #placeOf(value: T): number {
    const text = this.#textOf(value)
    const place = this.#places.get(text) ?? this.#values.push(value) - 1
    this.#places.set(text, place)
    this.#known.set(value, place)
    return place
  }
}

/** Reads a column from its first value on. */
export class ColumnReader<T> {
  readonly #values: readonly T[]
  readonly #runs: RunReader

  constructor({ values, runs }: Column<T>) {
    this.#values = values
    this.#runs = new RunReader(runs)
  }

  next(): T | undefined {
    return this.#values[this.#runs.next()]
  }
}
