import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hasColour } from './paint.ts'

const CASES: readonly [tty: boolean, choice: string, env: Record<string, string>, coloured: boolean][] = [
  [true, 'auto', {}, true],
  [false, 'auto', {}, false],
  [true, 'auto', { NO_COLOR: '1' }, false],
  [true, 'auto', { NO_COLOR: '' }, true],
  [true, 'auto', { TERM: 'dumb' }, false],
  [true, 'auto', { FORCE_COLOR: '0' }, false],
  [false, 'auto', { FORCE_COLOR: '1' }, true],
  [false, 'auto', { FORCE_COLOR: '1', NO_COLOR: '1' }, true],
  [true, 'never', { FORCE_COLOR: '1' }, false],
  [false, 'always', { NO_COLOR: '1' }, true],
]

for (const [isTTY, choice, env, coloured] of CASES)
  test(`${isTTY ? 'a terminal' : 'a pipe'}, --color ${choice}, ${JSON.stringify(env)}: ${coloured ? '' : 'no '}colour`, () => {
    assert.equal(hasColour({ isTTY, write: () => {} }, choice, env), coloured)
  })
