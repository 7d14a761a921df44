/** What every implementation of People must do. Its own test is a call of `testPeople` with a way to open it. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
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
