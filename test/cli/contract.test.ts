/** What holds of every command, and of the page that is made from them. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { cliReference } from '../../scripts/cli-reference.ts'
import { COMMANDS } from '../../src/cli/commands.ts'
import type { CommandSpec } from '../../src/cli/spec.ts'
import { settingOf } from '../../src/settings.ts'
import { sluice, Terminal } from './terminal.ts'

interface Found {
  readonly path: readonly string[]
  readonly spec: CommandSpec
}

const all = (specs: readonly CommandSpec[], above: readonly string[] = []): Found[] =>
  specs.flatMap((spec) => {
    const path = [...above, spec.name]
    return [{ path, spec }, ...all(spec.commands ?? [], path)]
  })

const commands = all(COMMANDS)

for (const { path, spec } of commands)
  test(`sluice ${path.join(' ')} --help begins with examples and offers --json`, async () => {
    const { exit, stdout, stderr } = await sluice(...path, '--help')
    assert.deepEqual([exit, stderr], [0, ''])
    assert.ok(stdout.startsWith(spec.summary))
    assert.match(stdout, /^Examples:\n {2}\$ /m)
    assert.match(stdout, /^ {2}--json /m)
    assert.ok(stdout.indexOf('Examples:') < stdout.indexOf('Usage:'))
    assert.ok(spec.run || spec.commands, 'it does something or has subcommands')
  })

test('every example is of the command that shows it, and its words are words of that command', () => {
  for (const { path, spec } of commands)
    for (const [line, about] of spec.examples) {
      assert.ok(line.includes(`sluice ${path.join(' ')}`), `${path.join(' ')}: ${line}`)
      assert.ok(about.length > 0)
    }
})

test('every flag of a setting names its variable in the environment', async () => {
  for (const { path, spec } of commands) {
    const { stdout } = await sluice(...path, '--help')
    const unwrapped = stdout.replace(/\n {20,}/g, ' ')
    for (const name of spec.settings ?? []) {
      const flag = settingOf(name).flag ?? assert.fail(`${name} has no flag`)
      assert.ok(unwrapped.includes(flag), `${path.join(' ')} ${flag}`)
    }
    assert.equal(
      (unwrapped.match(/\(env SLUICE_|\(env CUSTOMERIO_/g) ?? []).length >= (spec.settings ?? []).length,
      true,
    )
  }
})

test('no option of a command takes the place of one that every command has', () => {
  const GLOBAL = ['--json', '--quiet', '--color', '--time', '--timeout', '--input', '--config', '-q']
  for (const { path, spec } of commands)
    for (const { flags } of spec.options ?? [])
      for (const word of flags.split(/[ ,]+/)) assert.ok(!GLOBAL.includes(word), `${path.join(' ')} ${flags}`)
})

test('docs/cli.md is what the commands say: run node scripts/cli-reference.ts after changing one', () => {
  const page = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8')
  assert.equal(page, cliReference())
})

test('a group without a subcommand shows its help on stderr and fails as wrong usage', async () => {
  for (const { path } of commands.filter(({ spec }) => spec.run === undefined)) {
    const { exit, stdout, stderr } = await sluice(...path)
    assert.deepEqual([exit, stdout], [2, ''], path.join(' '))
    assert.match(stderr, /Usage: sluice /)
  }
})

const complete = async (...words: string[]) =>
  (await sluice('complete', '--', ...words)).stdout.split('\n').filter(Boolean)

test('completion knows commands, options and the values of options', async () => {
  assert.deepEqual(await complete('tr'), ['trigger', 'trace'])
  assert.deepEqual(await complete('dlq', ''), ['list', 'show', 'replay', 'drop'])
  assert.deepEqual(await complete('dlq', 'list', '--st'), ['--state'])
  assert.deepEqual(await complete('dlq', 'list', '--state', 'd'), ['dropped'])
  assert.deepEqual(await complete('status', '--jso'), ['--json'])
  assert.deepEqual(await complete('com'), ['completion'])
})

test('a completion script comes for the shell that is named, or for that of the user', async () => {
  for (const shell of ['bash', 'zsh', 'fish'])
    assert.match((await sluice('completion', shell)).stdout, /sluice complete --/)
  const { stdout } = await new Terminal({ env: { SHELL: '/usr/bin/fish' } }).run('completion')
  assert.match(stdout, /^complete -c sluice/)
  assert.equal((await sluice('completion', 'tcsh')).exit, 2)
})
