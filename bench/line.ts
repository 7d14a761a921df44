/** One line of the table: a figure against its goal. */
export interface Line {
  /** By which `--only` names it. */
  readonly name: string
  readonly what: string
  readonly value: number
  readonly unit: string
  readonly goal: number
  /** Whether more is better. */
  readonly better: 'more' | 'less'
  /** What the figure was made of. */
  readonly detail: string
}

export const holds = ({ value, goal, better }: Line): boolean =>
  better === 'more' ? value >= goal : value <= goal

export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

export const rounded = (value: number): string => Math.round(value).toLocaleString('en')

/** Ends a measurement that cannot be taken. */
export function fail(message: string): never {
  throw new Error(message)
}
