/** What every implementation of People must do. Its own test is a call of `testPeople` with a way to open it. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { cpuMs } from '../../test/cpu.ts'
import { openMemoryPeople } from './memory.ts'
import type { People } from './people.ts'

export interface PeopleUnderTest {
  readonly name: string
  /** Links survive closing and opening the same directory again. */
  readonly persistent: boolean
  open(directory: string): People | Promise<People>
}

const AWKWARD = [
  'id:a/b?c#d%e+f@g',
  'id: leading and trailing ',
  'id:\u0000nul',
  'id:e\u0301 is not \u00e9',
  'id:\u00e9 is not e\u0301',
  'id:👩‍👩‍👧‍👦',
  'id:\u202eright to left',
  "id:'; DROP TABLE links; --",
  'id:__proto__',
  'id:constructor',
  'id:9223372036854775807',
  'id:"quoted" \\ \n',
]

const NAMES = Array.from({ length: 8 }, (_, n) => `k${n}`)
const NAME = fc.constantFrom(...NAMES)
const STEP = fc.record({ key: NAME, canonical: NAME, ask: fc.array(NAME, { maxLength: 4 }) })

/** What links mean, as plainly as it can be said: every key has a root, and who has a key for a root follows it. */
class Definition {
  readonly #roots = new Map<string, string>()

  readonly resolve = (key: string): string => this.#roots.get(key) ?? key

  link(key: string, canonical: string): void {
    const root = this.resolve(canonical)
    if (root === this.resolve(key)) return
    for (const [other, before] of this.#roots) if (before === key) this.#roots.set(other, root)
    this.#roots.set(key, root)
  }
}

export function testPeople({ name, persistent, open }: PeopleUnderTest): void {
  const withDirectory = async (work: (directory: string) => Promise<void>) => {
    const directory = await mkdtemp(join(tmpdir(), 'sluice-people-'))
    try {
      await work(directory)
    } finally {
      await rm(directory, { recursive: true })
    }
  }
  const scenario = (title: string, work: (people: People) => Promise<void>) =>
    test(title, () =>
      withDirectory(async (directory) => {
        await using people = await open(directory)
        await work(people)
      }),
    )

  suite(`people: ${name}`, () => {
    scenario('a key that was never linked is its own canonical key', async (people) => {
      assert.deepEqual(await people.resolve(['id:1']), ['id:1'])
    })

    scenario('nothing asked is nothing answered', async (people) => {
      assert.deepEqual(await people.resolve([]), [])
    })

    scenario('a linked key resolves to its canonical key', async (people) => {
      await people.link('email:a@x.io', 'id:1')
      assert.deepEqual(await people.resolve(['email:a@x.io']), ['id:1'])
    })

    scenario('a link made after the key was asked for is seen', async (people) => {
      await people.resolve(['email:a@x.io', 'id:1'])
      await people.link('email:a@x.io', 'id:1')
      assert.deepEqual(await people.resolve(['email:a@x.io']), ['id:1'])
    })

    scenario('answers come in the order of the questions, repeated ones too', async (people) => {
      await people.link('b', 'a')
      assert.deepEqual(await people.resolve(['c', 'b', 'a', 'b', 'c']), ['c', 'a', 'a', 'a', 'c'])
    })

    scenario('linking twice changes nothing', async (people) => {
      await people.link('b', 'a')
      await people.link('b', 'a')
      assert.deepEqual(await people.resolve(['a', 'b']), ['a', 'a'])
    })

    scenario('the canonical key is resolved before it is linked to', async (people) => {
      await people.link('b', 'a')
      await people.link('c', 'b')
      assert.deepEqual(await people.resolve(['c']), ['a'])
    })

    scenario('all links, made anew in another picture, resolve alike', async (people) => {
      const said = ['b a', 'c b', 'a z', 'c y', 'y x'].map((pair) => pair.split(' '))
      for (const [key = '', canonical = ''] of said) await people.link(key, canonical)
      await using copy = openMemoryPeople()
      for await (const links of people.links())
        for (const { key, canonical } of links) await copy.link(key, canonical)
      const names = ['a', 'b', 'c', 'x', 'y', 'z']
      assert.deepEqual(await copy.resolve(names), await people.resolve(names))
    })

    scenario('keys that pointed to a key follow it when it is linked itself', async (people) => {
      await people.resolve(['b', 'c'])
      await people.link('c', 'b')
      await people.link('b', 'a')
      assert.deepEqual(await people.resolve(['a', 'b', 'c']), ['a', 'a', 'a'])
    })

    scenario('a link back to a key that already follows is no circle', async (people) => {
      await people.link('b', 'a')
      await people.link('a', 'b')
      assert.deepEqual(await people.resolve(['a', 'b']), ['a', 'a'])
    })

    scenario('a key linked to itself stays its own', async (people) => {
      await people.link('a', 'a')
      assert.deepEqual(await people.resolve(['a']), ['a'])
    })

    scenario('a key that moves on to another person leaves the others of the first', async (people) => {
      await people.link('email:shared@x.io', 'id:1')
      await people.link('cio_id:a1', 'id:1')
      await people.link('email:shared@x.io', 'id:2')
      assert.deepEqual(await people.resolve(['email:shared@x.io', 'cio_id:a1', 'id:1']), [
        'id:2',
        'id:1',
        'id:1',
      ])
    })

    scenario('links asked for together are made in that order', async (people) => {
      await Promise.all([
        people.link('d', 'c'),
        people.link('c', 'b'),
        people.link('b', 'a'),
        people.link('e', 'd'),
      ])
      assert.deepEqual(await people.resolve(['b', 'c', 'd', 'e']), ['a', 'a', 'a', 'a'])
    })

    scenario('keys are opaque: none of these is taken for another', async (people) => {
      for (const key of AWKWARD) await people.link(`${key}~`, key)
      assert.deepEqual(await people.resolve(AWKWARD), AWKWARD)
      assert.deepEqual(await people.resolve(AWKWARD.map((key) => `${key}~`)), AWKWARD)
    })

    scenario('a key that moves on alone leaves those who had followed it', async (people) => {
      await people.link('c', 'b')
      await people.link('b', 'a')
      await people.link('b', 'z')
      assert.deepEqual(await people.resolve(['a', 'b', 'c']), ['a', 'z', 'a'])
    })

    scenario('any sequence of links and questions is answered as the definition says', async (people) => {
      let run = 0
      await fc.assert(
        fc.asyncProperty(fc.array(STEP, { maxLength: 14 }), async (steps) => {
          run += 1
          const own = (name: string) => `${run} ${name}` // what one run links must not be known to the next
          const definition = new Definition()
          for (const { key, canonical, ask } of steps) {
            const asked = ask.map(own)
            assert.deepEqual(await people.resolve(asked), asked.map(definition.resolve))
            await people.link(own(key), own(canonical))
            definition.link(own(key), own(canonical))
          }
          const all = NAMES.map(own)
          assert.deepEqual(await people.resolve(all), all.map(definition.resolve))
        }),
        { numRuns: 60 },
      )
    })

    scenario(
      'a chain of four thousand merges takes no longer for each of them than a short one',
      async (people) => {
        const keys = Array.from({ length: 4_000 }, (_, n) => `id:${n}`)
        const ms = await cpuMs(async () => {
          await Promise.all(keys.slice(1).map((key, n) => people.link(keys[n] ?? '', key)))
          assert.deepEqual(new Set(await people.resolve(keys)), new Set(['id:3999']))
        })
        assert.ok(ms < 5_000, `${ms} ms: some 50 are usual, and minutes if every link touches all who follow`)
      },
    )

    scenario('ten thousand keys are resolved at once', async (people) => {
      const keys = Array.from({ length: 10_000 }, (_, n) => `email:${n}`)
      await Promise.all(keys.map((key, n) => people.link(key, `id:${n % 100}`)))
      assert.deepEqual(
        await people.resolve(keys),
        keys.map((_, n) => `id:${n % 100}`),
      )
    })

    test('links survive closing and opening', { skip: persistent ? false : 'keeps nothing' }, () =>
      withDirectory(async (directory) => {
        {
          await using people = await open(directory)
          await people.link('c', 'b')
          await people.link('b', 'a')
        }
        await using people = await open(directory)
        assert.deepEqual(await people.resolve(['a', 'b', 'c', 'd']), ['a', 'a', 'a', 'd'])
      }),
    )

    test(
      'a link that was asked for is kept when closing follows at once',
      { skip: persistent ? false : 'keeps nothing' },
      () =>
        withDirectory(async (directory) => {
          const first = await open(directory)
          const linked = first.link('b', 'a')
          await first[Symbol.asyncDispose]()
          await linked
          await using people = await open(directory)
          assert.deepEqual(await people.resolve(['b']), ['a'])
        }),
    )
  })
}
