/** Everything that a simulated run draws comes from one of these; the same seed draws the same. */
import { seededRandom } from '../emulator/faults.ts'

export class Chance {
  readonly #draw: () => number

  constructor(seed: number) {
    this.#draw = seededRandom(seed)
  }

  /** A number in [0, 1), as `Random` wants it. */
  readonly next = (): number => this.#draw()

  /** A whole number from 0 to n - 1. */
  below(n: number): number {
    return Math.floor(this.#draw() * n)
  }

  between(low: number, high: number): number {
    return low + this.#draw() * (high - low)
  }

  hit(probability: number): boolean {
    return this.#draw() < probability
  }

  pick<T>(list: readonly [T, ...T[]]): T {
    return list[this.below(list.length)] ?? list[0]
  }

  bytes(size: number): Uint8Array {
    return Uint8Array.from({ length: size }, () => this.below(256))
  }

  /** Another stream of draws, which goes its own way whatever this one is asked from now on. */
  fork(): Chance {
    return new Chance(this.below(2 ** 32))
  }
}
