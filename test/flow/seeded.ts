import type { Random } from '../../src/core/clock.ts'

/** A small seeded generator (mulberry32): the same seed, the same run. */
export function seeded(seed: number): Random {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let bits = Math.imul(state ^ (state >>> 15), 1 | state)
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits
    return ((bits ^ (bits >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** A seed from the environment, else a fresh one; printed, so that a failure can be repeated. */
export function seedFor(name: string): number {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31))
  process.stdout.write(`${name}: SEED=${seed}\n`)
  return seed
}
