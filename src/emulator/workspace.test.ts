import assert from 'node:assert/strict'
import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { serialize } from 'node:v8'
import { type Clock, systemClock } from '../core/clock.ts'
import { SluiceError } from '../core/errors.ts'
import { isEventEffect } from './history.ts'
import { identifierOfKey } from './identifiers.ts'
import { type Item, readItem } from './item.ts'
import { findPerson, newState } from './state.ts'
import { personView } from './views.ts'
import { Workspace } from './workspace.ts'

const folders: string[] = []
after(() => {
  for (const made of folders) rmSync(made, { recursive: true })
})

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'emulator-'))
  folders.push(made)
  return made
}

const open = (directory: string, compactAbove?: number): Workspace =>
  new Workspace({ clock: systemClock, settleMs: 0, directory, compactAbove })

const event = (name: string, id = '1'): Item =>
  readItem(JSON.stringify({ type: 'person', action: 'event', identifiers: { id }, name }))

const namesIn = ({ state }: Workspace): (string | undefined)[] =>
  state.history.effects.filter(isEventEffect).map(({ name }) => name)

/** A clock whose sleepers wake when it is moved past their time. */
function movedClock(): Clock & { move(ms: number): Promise<void> } {
  let at = 1_700_000_000_000
  let sleepers: { due: number; wake: () => void }[] = []
  return {
    now: () => at,
    mono: () => at,
    sleep: (ms) => new Promise((wake) => sleepers.push({ due: at + ms, wake })),
    move: async (ms) => {
      at += ms
      const awake = sleepers.filter(({ due }) => due <= at)
      sleepers = sleepers.filter(({ due }) => due > at)
      for (const { wake } of awake) wake()
      await Promise.resolve() // lets the pump, which is one await deep, go on
    },
  }
}

describe('settling', () => {
  test('what is accepted takes effect after its time, in order, and is pending until then', async () => {
    const clock = movedClock()
    const workspace = new Workspace({ clock, settleMs: 50 })
    workspace.accept([event('a')])
    await clock.move(20)
    workspace.accept([event('b'), event('c')])
    await clock.move(29)
    assert.deepEqual([namesIn(workspace), workspace.pending, workspace.accepted], [[], 3, 3])
    await clock.move(1)
    assert.deepEqual([namesIn(workspace), workspace.pending], [['a'], 2])
    await clock.move(20)
    assert.deepEqual([namesIn(workspace), workspace.pending], [['a', 'b', 'c'], 0])
    const [first] = workspace.state.history.effects.filter(isEventEffect)
    assert.equal(first?.appliedAt, 1_700_000_000_050)
    workspace.close()
  })

  test('a shorter time set later lets nothing overtake', async () => {
    const clock = movedClock()
    const workspace = new Workspace({ clock, settleMs: 100 })
    for (const [name, settleMs] of [
      ['a', 100],
      ['b', 1000],
      ['c', 0],
    ] as const) {
      workspace.settleMs = settleMs
      workspace.accept([event(name)])
    }
    await clock.move(100)
    assert.deepEqual(namesIn(workspace), ['a'])
    await clock.move(900)
    assert.deepEqual(namesIn(workspace), ['a', 'b', 'c'])
    workspace.close()
  })

  test('settle applies at once, and the time passing afterwards applies nothing twice', async () => {
    const clock = movedClock()
    const workspace = new Workspace({ clock, settleMs: 1000 })
    workspace.accept([event('a')])
    workspace.settle()
    await clock.move(1000)
    workspace.accept([event('b')])
    workspace.settle()
    assert.deepEqual(namesIn(workspace), ['a', 'b'])
    workspace.close()
  })
})

describe('the journal', () => {
  test('gives back after a restart what was accepted, pending things among it, byte for byte', () => {
    const directory = folder()
    const before = open(directory)
    const attributes = '{"big": 1234567890123456789, "text": "é\\n\\u0000",\n  "deep": {"b": 1.0}}'
    before.accept([
      readItem(`{"type":"person","action":"identify","identifiers":{"id":"1"},"attributes":${attributes}}`),
    ])
    before.accept([event('a'), event('b')])
    assert.equal(before.pending, 3)
    before.close()

    const after = open(directory)
    assert.deepEqual(namesIn(after), ['a', 'b'])
    assert.equal(after.accepted, 3)
    const person = findPerson(after.state, identifierOfKey('id:1'))
    assert.equal(person?.attributes.get('big')?.text, '1234567890123456789')
    assert.equal(person?.attributes.get('deep')?.text, '{"b": 1.0}')
    assert.equal(person?.attributes.get('text')?.text, '"é\\n\\u0000"')
    after.close()
  })

  const whole =
    '{"n":2,"at":0,"items":[{"type":"person","action":"event","identifiers":{"id":"1"},"name":"torn"}]}'
  for (const [what, tail] of [
    ['its first byte', '{'],
    ['half of it', whole.slice(0, 50)],
    ['all but the line break', whole],
    ['zeros, as a power cut leaves them', '\0'.repeat(50)],
  ] as const)
    test(`a last line of which a crash left ${what} is taken away, and what follows is kept`, () => {
      const directory = folder()
      const before = open(directory)
      before.accept([event('a')])
      before.close()
      appendFileSync(join(directory, 'journal.ndjson'), tail)
      const after = open(directory)
      assert.deepEqual(namesIn(after), ['a'])
      after.accept([event('b')])
      after.close()
      const again = open(directory)
      assert.deepEqual(namesIn(again), ['a', 'b'])
      again.close()
    })

  test('a damaged line in the middle is no crash, and is told', () => {
    const directory = folder()
    const before = open(directory)
    before.accept([event('a')])
    before.accept([event('b')])
    before.close()
    const path = join(directory, 'journal.ndjson')
    writeFileSync(path, readFileSync(path, 'utf8').replace('{"n":1', '{"n"1'))
    assert.throws(
      () => open(directory),
      (thrown) => thrown instanceof SluiceError && thrown.code === 'log_damaged',
    )
  })

  test('lines longer than the chunk in which the file is read come back whole', () => {
    const directory = folder()
    const before = open(directory)
    const long = 'é'.repeat(600_000)
    const items = ['x', 'y'].map((name) =>
      readItem(JSON.stringify({ ...event(name).value, attributes: { long } })),
    )
    for (const item of items) before.accept([item])
    before.close()
    const after = open(directory)
    assert.deepEqual(namesIn(after), ['x', 'y'])
    const texts = after.state.history.effects.filter(isEventEffect).map(({ text }) => text)
    assert.deepEqual(
      texts,
      items.map(({ text }) => text),
    )
    after.close()
  })

  test('a long journal becomes a snapshot at start, which holds the same workspace', () => {
    const directory = folder()
    const before = open(directory)
    before.accept([event('a'), event('b', '2')])
    before.accept([
      readItem('{"type":"person","action":"merge","primary":{"id":"1"},"secondary":{"id":"2"}}'),
      readItem('{"type":"person","action":"suppress","identifiers":{"email":"x@y.z"}}'),
    ])
    before.close()
    const journaled = open(directory)
    const states = [JSON.stringify(viewOf(journaled))]
    journaled.close()
    const compacted = open(directory, 0)
    states.push(JSON.stringify(viewOf(compacted)))
    assert.equal(statSync(join(directory, 'journal.ndjson')).size, 0)
    compacted.accept([event('c')])
    compacted.close()
    const after = open(directory)
    assert.equal(states[0], states[1])
    assert.deepEqual(namesIn(after), ['a', 'b', 'c'])
    assert.equal(after.state.suppressed.size, 1)
    after.close()
  })

  test('a crash between the snapshot and the emptying of the journal applies nothing twice', () => {
    const directory = folder()
    const before = open(directory)
    before.accept([event('a')])
    before.close()
    const journal = readFileSync(join(directory, 'journal.ndjson'))
    open(directory, 0).close()
    writeFileSync(join(directory, 'journal.ndjson'), journal)
    const after = open(directory)
    assert.deepEqual(namesIn(after), ['a'])
    after.accept([event('b')])
    after.close()
    const again = open(directory)
    assert.deepEqual(namesIn(again), ['a', 'b'])
    again.close()
  })

  test('a snapshot of a later version is left alone', () => {
    const directory = folder()
    writeFileSync(join(directory, 'snapshot'), serialize({ format: 99, state: {} }))
    assert.throws(
      () => open(directory),
      (thrown) => thrown instanceof SluiceError && thrown.code === 'newer_format',
    )
  })

  test('a snapshot of format 1, whose segments had no names, is read', () => {
    const directory = folder()
    const { exports: _, ...state } = newState()
    const segments = new Map([['7', new Set(['a3000001'])]])
    writeFileSync(join(directory, 'snapshot'), serialize({ format: 1, state: { ...state, segments } }))
    const opened = open(directory)
    const read = opened.state
    assert.deepEqual(read.segments.get('7')?.members, new Set(['a3000001']))
    assert.deepEqual([read.segments.get('7')?.name, read.exports], ['Segment 7', []])
    opened.close()
  })

  test('segments and exports that the App API made are there after a restart, from journal and snapshot', () => {
    const directory = folder()
    const item = (value: object) => readItem(JSON.stringify(value))
    const before = open(directory)
    before.accept([
      item({ type: 'segment', action: 'create', segment_id: '1', name: 'VIP' }),
      item({ type: 'segment', action: 'create', segment_id: '2', name: 'gone' }),
      item({ type: 'segment', action: 'delete', segment_id: '2' }),
      item({ type: 'export', action: 'create', kind: 'deliveries' }),
    ])
    before.close()
    for (const compactAbove of [undefined, 0, 0]) {
      const again = open(directory, compactAbove)
      assert.deepEqual(
        [...again.state.segments].map(([id, { name }]) => [id, name]),
        [['1', 'VIP']],
      )
      assert.deepEqual(
        again.state.exports.map(({ id, kind }) => [id, kind]),
        [[1, 'deliveries']],
      )
      again.close()
    }
  })

  test('reset empties the disk as well', () => {
    const directory = folder()
    const before = open(directory)
    before.accept([event('a')])
    before.reset()
    before.accept([event('b')])
    before.close()
    const after = open(directory)
    assert.deepEqual(namesIn(after), ['b'])
    assert.deepEqual(readdirSync(directory), ['journal.ndjson'])
    after.close()
  })
})

const viewOf = ({ state }: Workspace): unknown => [
  [...state.people.values()].map((person) => personView(state, person)),
  state.history,
  state.counts,
]
