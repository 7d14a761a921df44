/** 50,000 hostile calls: never a crash, a hang or a 5xx; always a typed 4xx, or operations that say exactly what was said. */
import { test } from 'node:test'
import { seedFor } from '../flow/seeded.ts'
import { fuzz } from '../fuzz/ingest.ts'

test('50,000 hostile calls are each refused in so many words, or delivered exactly', async (t) => {
  const { accepted, refused } = await fuzz(Number(process.env.FUZZ_CASES ?? 50_000), seedFor('fuzz'))
  t.diagnostic(`${accepted} accepted, ${refused} refused`)
})
