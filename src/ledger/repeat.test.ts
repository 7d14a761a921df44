import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TOPICS } from '../core/record.ts'
import { type Ended, meaningOf, type Place } from './repeat.ts'

const live: Ended = { topic: TOPICS.events, lane: 0, offset: 5, replays: 0, state: null }
const at = (topic: string, lane: number, offset: number): Place => ({ topic, lane, offset })

const TABLE: readonly [name: string, place: Place, ended: Ended, expected: string][] = [
  ['its own place', at(TOPICS.events, 0, 5), live, 'same'],
  ['another offset', at(TOPICS.events, 0, 6), live, 'duplicate'],
  ['another lane', at(TOPICS.events, 1, 5), live, 'duplicate'],
  ['another topic', at('customerio.track', 0, 5), live, 'duplicate'],
  ['the replay topic, never replayed', at(TOPICS.replay, 0, 5), live, 'duplicate'],
  ['a waiting letter', at(TOPICS.replay, 0, 7), { ...live, state: 'waiting' }, 'duplicate'],
  ['a letter on its way', at(TOPICS.replay, 3, 7), { ...live, state: 'replaying' }, 'replayed'],
  ['a letter on its way, at its own place', at(TOPICS.events, 0, 5), { ...live, state: 'replaying' }, 'same'],
  ['a letter on its way, elsewhere', at(TOPICS.events, 0, 6), { ...live, state: 'replaying' }, 'duplicate'],
  ['on its way once more', at(TOPICS.replay, 3, 7), { ...live, state: 'replaying', replays: 2 }, 'replayed'],
  ['a replay that was delivered', at(TOPICS.replay, 3, 7), { ...live, replays: 1 }, 'same'],
  ['a replay that died', at(TOPICS.replay, 3, 7), { ...live, replays: 1, state: 'waiting' }, 'same'],
  [
    'a replay that died and was dropped',
    at(TOPICS.replay, 3, 7),
    { ...live, replays: 1, state: 'dropped' },
    'same',
  ],
  ['elsewhere after a replay', at(TOPICS.events, 0, 6), { ...live, replays: 1 }, 'duplicate'],
]

for (const [name, place, ended, expected] of TABLE)
  test(`recorded again, ${name}: ${expected}`, () => assert.equal(meaningOf(place, ended), expected))
