/** What holds of every command, and of the page that is made from them. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { cliReference } from '../../scripts/cli-reference.ts'
import { COMMANDS } from '../../src/cli/commands.ts'
import type { CommandSpec } from '../../src/cli/spec.ts'
import { ERRORS } from '../../src/core/errors.ts'
import { settingOf } from '../../src/settings.ts'
import { DEAD_URL } from './fake-sluice.ts'
import { sluice, sluiceWith, Terminal } from './terminal.ts'

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

test('explain tells all codes as JSON', async () => {
  const { data, next_cursor } = JSON.parse((await sluice('explain', '--json')).stdout)
  assert.deepEqual(
    data.map(({ code }: { code: string }) => code),
    Object.keys(ERRORS),
  )
  assert.equal(next_cursor, null)
})

test('wrong usage is exit code 2, with what was meant, on stderr alone', async () => {
  const cases: readonly [string[], RegExp][] = [
    [['explian'], /Did you mean explain\?/],
    [['status', '--watc'], /Did you mean --watch\?/],
    [['trace'], /Missing required argument 'id'/],
    [['send', 'idnetify'], /Did you mean identify\?/],
    [['dlq', 'list', '--state', 'gone'], /Allowed choices are waiting, replaying, dropped/],
    [['explain', 'a', 'b'], /Too many arguments/],
    [['tail', '--limit', 'many'], /--limit must be a whole number from 1; you gave "many"/],
    [['status', '--timeout', 'soon'], /--timeout must be a duration/],
  ]
  for (const [words, message] of cases) {
    const { exit, stdout, stderr } = await sluice(...words)
    assert.deepEqual([exit, stdout], [2, ''], words.join(' '))
    assert.match(stderr, message)
    assert.match(stderr, /^error {2}.* {2}bad_usage\n {2}fix /)
  }
})

test('with --json a failure is one document on stderr', async () => {
  const { exit, stdout, stderr } = await sluice('explain', 'timed_otu', '--json')
  assert.deepEqual([exit, stdout], [6, ''])
  assert.deepEqual(JSON.parse(stderr), {
    error: true,
    code: 'not_found',
    message: 'There is no code timed_otu.',
    details: {},
    hint: 'Did you mean timed_out?',
    retryable: false,
  })
})

test('no gateway is exit code 7, and says where none was found and why', async () => {
  const { exit, stderr } = await sluice('status', '--url', DEAD_URL)
  assert.equal(exit, 7)
  assert.match(stderr, /No Sluice answers at http:\/\/127\.0\.0\.1:\d+\./)
  assert.match(stderr, /why .*ECONNREFUSED.*\n {2}fix /)
})

test('config show tells every setting, where it came from, and no secret', async () => {
  const cwd = mkdtempSync(join(tmpdir(), 'sluice-'))
  try {
    writeFileSync(join(cwd, 'sluice.yaml'), 'customerio:\n  region: eu\n')
    const env = { SLUICE_PORT: '9000', CUSTOMERIO_API_KEY: 'hunter2hunter2', CUSTOMERIO_SITE_ID: 'site' }
    const { stdout, stderr, exit } = await sluiceWith(
      { cwd, env },
      ...['config', 'show', '--json'],
      '--host',
      '::1',
    )
    assert.deepEqual([exit, stderr], [0, ''])
    const { data } = JSON.parse(stdout)
    const of = (name: string) => data.find((setting: { name: string }) => setting.name === name)
    assert.deepEqual([of('customerio.region').value, of('customerio.region').origin], ['eu', 'sluice.yaml:2'])
    assert.deepEqual([of('port').value, of('port').origin], ['9000', 'SLUICE_PORT'])
    assert.deepEqual([of('host').value, of('host').origin], ['::1', '--host'])
    assert.equal(of('customerio.api_key').value, 'hu…r2')
    assert.doesNotMatch(stdout, /hunter2hunter2/)
  } finally {
    rmSync(cwd, { recursive: true })
  }
})

test('a wrong setting is exit code 2 and names where it stands', async () => {
  const { exit, stderr } = await sluiceWith({ env: { SLUICE_PORT: 'http' } }, 'config', 'show')
  assert.equal(exit, 2)
  assert.match(stderr, /port must be a port .*; SLUICE_PORT says "http"\. {2}bad_config/)
})

test('a variable that is misspelt is told on stderr', async () => {
  const { stderr } = await sluiceWith({ env: { SLUICE_PROT: '1' } }, 'config', 'show')
  assert.match(stderr, /SLUICE_PROT is no setting of Sluice\. Did you mean SLUICE_PORT\?/)
})

const ESCAPE = String.fromCharCode(27)

test('colour is off in a pipe, on with FORCE_COLOR, off with NO_COLOR, and --color goes before both', async () => {
  const coloured = async (env: Record<string, string>, ...words: string[]) =>
    (await sluiceWith({ env }, 'explain', 'timed_out', ...words)).stdout.includes(ESCAPE)
  assert.equal(await coloured({}), false)
  assert.equal(await coloured({ FORCE_COLOR: '1' }), true)
  assert.equal(await coloured({ FORCE_COLOR: '0' }), false)
  assert.equal(await coloured({ NO_COLOR: '1' }), false)
  assert.equal(await coloured({ NO_COLOR: '1' }, '--color', 'always'), true)
  assert.equal(await coloured({ FORCE_COLOR: '1' }, '--color', 'never'), false)
  const failed = async (...words: string[]) =>
    (await sluiceWith({ env: { FORCE_COLOR: '1' } }, 'explain', 'nothing', ...words)).stderr.includes(ESCAPE)
  assert.deepEqual([await failed(), await failed('--color', 'never')], [true, false])
})
