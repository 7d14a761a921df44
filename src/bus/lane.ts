/**
 * Which lane (partition) a key belongs to: Kafka's own rule for Java producers, murmur2 of the UTF-8 bytes with the
 * sign bit cleared, modulo the number of lanes. With the same rule everywhere a backlog can move between buses, and
 * the keys of other producers land with ours.
 */
const SEED = 0x9747b28c
const M = 0x5bd1e995

/** Murmur2, 32 bit, as in Kafka's Utils.murmur2. */
export function murmur2(data: Uint8Array, length = data.length): number {
  let hash = (SEED ^ length) | 0
  let at = 0
  for (; at + 4 <= length; at += 4) {
    let word =
      (data[at] ?? 0) | ((data[at + 1] ?? 0) << 8) | ((data[at + 2] ?? 0) << 16) | ((data[at + 3] ?? 0) << 24)
    word = Math.imul(word, M)
    word ^= word >>> 24
    hash = Math.imul(hash, M) ^ Math.imul(word, M)
  }
  const rest = length - at
  if (rest >= 3) hash ^= (data[at + 2] ?? 0) << 16
  if (rest >= 2) hash ^= (data[at + 1] ?? 0) << 8
  if (rest >= 1) hash = Math.imul(hash ^ (data[at] ?? 0), M)
  hash ^= hash >>> 13
  hash = Math.imul(hash, M)
  return hash ^ (hash >>> 15)
}

const encoder = new TextEncoder()

/** Room for the bytes of a key: most are ASCII and shorter than this, and are hashed without being encoded. */
const ascii = new Uint8Array(256)

export function laneOf(key: string, lanes: number): number {
  const hash = writeAscii(key) ? murmur2(ascii, key.length) : murmur2(encoder.encode(key))
  return (hash & 0x7fffffff) % lanes
}

function writeAscii(key: string): boolean {
  if (key.length > ascii.length) return false
  for (let at = 0; at < key.length; at += 1) {
    const code = key.charCodeAt(at)
    if (code > 127) return false
    ascii[at] = code
  }
  return true
}
