import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadConfig, masked, requireCredentials, shown, unknownVariables } from './config.ts'
import { SluiceError } from './core/errors.ts'
import { flagName, parseDuration, SETTING_NAMES, type SettingName, settingOf, twinsOf } from './settings.ts'

interface Given {
  readonly flags?: Record<string, unknown>
  readonly env?: Record<string, string>
  readonly files?: Record<string, string>
}

const load = ({ flags = {}, env = {}, files = {} }: Given = {}) =>
  loadConfig({ flags, env, cwd: '/app', read: (path) => files[path] })

const refused = async (given: Given): Promise<SluiceError> => {
  try {
    await load(given)
  } catch (thrown) {
    assert.ok(thrown instanceof SluiceError)
    assert.equal(thrown.code, 'bad_config')
    return thrown
  }
  return assert.fail('the configuration was taken')
}

test('without anything said, every setting has its default and no credentials exist', async () => {
  const { config, origins } = await load()
  assert.equal(config.port, 8246)
  assert.equal(config.retentionMs, 7 * 86_400_000)
  assert.equal(config.trackUrl, 'https://track.customer.io')
  assert.equal(config.url, 'http://127.0.0.1:8246')
  assert.deepEqual(config.sources, [])
  assert.equal(config.adminToken, undefined)
  assert.equal(origins.port, 'default')
  assert.equal(origins.apiKey, 'unset')
  assert.throws(() => requireCredentials(config), /CUSTOMERIO_SITE_ID is not set/)
})

test('a flag goes before the environment, the environment before the file, the file before the default', async () => {
  const files = { '/app/sluice.yaml': 'port: 1\nhost: file\nlog: { level: warn }\nlanes: 4\n' }
  const env = { SLUICE_PORT: '2', SLUICE_HOST: 'env' }
  const { config, origins } = await load({ files, env, flags: { port: '3' } })
  assert.deepEqual([config.port, origins.port], [3, '--port'])
  assert.deepEqual([config.host, origins.host], ['env', 'SLUICE_HOST'])
  assert.deepEqual([config.logLevel, origins.logLevel], ['warn', 'sluice.yaml:3'])
  assert.deepEqual([config.lanes, origins.lanes], [4, 'sluice.yaml:4'])
  assert.deepEqual([config.bus, origins.bus], ['sqlite', 'default'])
})

test('an empty text is unset, wherever it stands', async () => {
  const files = { '/app/sluice.yaml': 'port:\nhost: ""\n' }
  const { config } = await load({ files, env: { SLUICE_PORT: '', SLUICE_HOST: '' }, flags: { port: '' } })
  assert.equal(config.port, 8246)
  assert.equal(config.host, '127.0.0.1')
})

test('PORT counts where SLUICE_PORT is not set, as hosts such as Cloud Run set it', async () => {
  assert.equal((await load({ env: { PORT: '8080' } })).config.port, 8080)
  assert.equal((await load({ env: { PORT: '8080', SLUICE_PORT: '9' } })).config.port, 9)
})

test('what Kubernetes sets for a Service called sluice is nobody’s setting', async () => {
  const env = {
    SLUICE_PORT: 'tcp://10.0.0.7:8246',
    SLUICE_SERVICE_HOST: '10.0.0.7',
    SLUICE_SERVICE_PORT: '8246',
    SLUICE_PORT_8246_TCP: 'tcp://10.0.0.7:8246',
    SLUICE_PORT_8246_TCP_PROTO: 'tcp',
  }
  const { config, origins } = await load({ env })
  assert.deepEqual([config.port, origins.port], [8246, 'default'])
  assert.deepEqual(unknownVariables(env), [])
})

test('what follows another setting follows it', async () => {
  const eu = await load({ env: { CUSTOMERIO_REGION: 'eu' } })
  assert.equal(eu.config.trackUrl, 'https://track-eu.customer.io')
  assert.equal(eu.config.appUrl, 'https://api-eu.customer.io')
  const own = await load({ env: { CUSTOMERIO_REGION: 'eu', CUSTOMERIO_TRACK_URL: 'http://localhost:1/' } })
  assert.equal(own.config.trackUrl, 'http://localhost:1')
  const open = await load({ env: { SLUICE_HOST: '0.0.0.0' }, flags: { port: '80' } })
  assert.equal(open.config.url, 'http://127.0.0.1:80')
  assert.equal((await load({ env: { SLUICE_HOST: '::1' } })).config.emulatorUrl, 'http://[::1]:8247')
})

test('every secret may lie in a file, and only secrets may', async () => {
  const secrets = SETTING_NAMES.filter((name) => settingOf(name).secret && name !== 'sources')
  assert.deepEqual(secrets, [
    'apiKey',
    'appApiKey',
    'kafkaSaslPassword',
    'kafkaCa',
    'kafkaCert',
    'kafkaKey',
    'adminToken',
  ])
  for (const name of secrets) {
    const twin = twinsOf(name)[0] ?? ''
    const { config, origins } = await load({
      env: { [`${twin}_FILE`]: 'secret' },
      files: { '/app/secret': 'k\n' },
    })
    assert.equal(config[name], 'k')
    assert.equal(origins[name], `${twin}_FILE (secret)`)
  }
  const { config } = await load({ env: { SLUICE_HOST_FILE: 'secret' }, files: { '/app/secret': 'h' } })
  assert.equal(config.host, '127.0.0.1')
})

test('a secret that is set twice, or whose file is missing, is refused', async () => {
  const both = await refused({ env: { SLUICE_ADMIN_TOKEN: 'a', SLUICE_ADMIN_TOKEN_FILE: 'b' } })
  assert.match(both.message, /SLUICE_ADMIN_TOKEN and SLUICE_ADMIN_TOKEN_FILE are both set/)
  const gone = await refused({ env: { SLUICE_ADMIN_TOKEN_FILE: '/gone' } })
  assert.match(gone.message, /SLUICE_ADMIN_TOKEN_FILE names \/gone/)
})

test('a secret has no flag', () => {
  for (const name of SETTING_NAMES) if (settingOf(name).secret) assert.equal(settingOf(name).flag, undefined)
})

test('sources come from a list in the file, from one text, or from the credentials of the workspace', async () => {
  const file =
    'sources:\n  - { name: web, site_id: 1, api_key: 2e5, write_key: w, app_key: a }\n  - { name: app, site_id: 3, api_key: x }\n'
  const listed = await load({ files: { '/app/sluice.yaml': file } })
  assert.deepEqual(listed.config.sources, [
    { name: 'web', siteId: '1', apiKey: '2e5', writeKey: 'w', appKey: 'a' },
    { name: 'app', siteId: '3', apiKey: 'x' },
  ])
  const texts = await load({ env: { SLUICE_SOURCES: 'web:1:a:b, app:3:x' } })
  assert.deepEqual(texts.config.sources, [
    { name: 'web', siteId: '1', apiKey: 'a:b' },
    { name: 'app', siteId: '3', apiKey: 'x' },
  ])
  const own = await load({ env: { CUSTOMERIO_SITE_ID: 's', CUSTOMERIO_API_KEY: 'k' } })
  assert.deepEqual(own.config.sources, [{ name: 'default', siteId: 's', apiKey: 'k' }])
})

test('rules of preflight are set one by one, as a mapping or as one text, and none beside what a rule may be', async () => {
  const yaml = 'preflight:\n  empty_attribute: off\n  similar_id: refuse\n'
  const set = { empty_attribute: 'off', similar_id: 'refuse' }
  const inFile = await load({ files: { '/app/sluice.yaml': yaml } })
  assert.deepEqual(inFile.config.preflight, set)
  const inText = await load({ env: { SLUICE_PREFLIGHT: 'empty_attribute=off, similar_id=refuse' } })
  assert.deepEqual(inText.config.preflight, set)
  assert.equal(shown('preflight', inText.config), 'empty_attribute=off,similar_id=refuse')
  assert.equal((await load()).config.preflight, undefined)
  for (const wrong of ['id_bytes=fix', 'id_bytes=shout', 'no_rule=warn', 'id_bytes', 'batch_bytes=off'])
    assert.match(
      (await refused({ env: { SLUICE_PREFLIGHT: wrong } })).message,
      /^preflight must be rule=policy/,
    )
})

test('a wrong value is refused with what it must be and where it came from', async () => {
  const cases: readonly [Given, RegExp][] = [
    [{ env: { SLUICE_PORT: '80a' } }, /port must be a port .*; SLUICE_PORT says "80a"/],
    [{ flags: { port: '70000' } }, /--port says "70000"/],
    [{ files: { '/app/sluice.yaml': '\nport: -1' } }, /sluice.yaml:2 says "-1"/],
    [{ env: { CUSTOMERIO_REGION: 'uk' } }, /customerio.region must be us or eu/],
    [{ env: { SLUICE_RETENTION: '7 weeks' } }, /retention must be a duration/],
    [{ env: { SLUICE_RETENTION: '7' } }, /retention must be a duration .*; SLUICE_RETENTION says "7"/],
    [{ env: { SLUICE_MAX_LOG_BYTES: '20 boxes' } }, /max_log_bytes must be a size/],
    [{ env: { SLUICE_URL: 'ftp://x' } }, /must be an http or https URL/],
    [{ env: { CUSTOMERIO_TRACK_URL: 'ftp://x' } }, /must be the http or https origin of a host/],
    [{ env: { CUSTOMERIO_TRACK_URL: 'https://track.customer.io/api/v1' } }, /without a path/],
    [{ flags: { role: 'ingest,worker' } }, /roles must be one or more of ingest, delivery/],
    [{ env: { SLUICE_SOURCES: 'a:b' } }, /sources must be a list/],
    [{ env: { SLUICE_SOURCES: 'a:s:k,a:t:k' } }, /with a name and a site id of its own/],
    [{ files: { '/app/sluice.yaml': 'sources: [{name: a, site: b}]' } }, /not shown/],
  ]
  for (const [given, message] of cases) assert.match((await refused(given)).message, message)
})

test('a refusal never shows a secret', async () => {
  const { message, details } = await refused({ env: { SLUICE_SOURCES: 'only-a-hunter2' } })
  assert.doesNotMatch(message + JSON.stringify(details), /hunter2/)
})

test('a path that no setting has is refused, with its line and what may have been meant', async () => {
  const unknown = await refused({ files: { '/app/sluice.yaml': 'customerio:\n  regoin: eu\n' } })
  assert.match(unknown.message, /sluice.yaml:2: there is no setting customerio.regoin/)
  assert.equal(unknown.hint, 'Did you mean customerio.region?')
  const scalar = await refused({ files: { '/app/sluice.yaml': 'log: warn' } })
  assert.match(scalar.message, /no setting log/)
  const broken = await refused({ files: { '/app/sluice.yaml': 'port: 1\nport: 2\n' } })
  assert.equal(broken.message, 'sluice.yaml:2: this is not YAML. Map keys must be unique.')
  const list = await refused({ files: { '/app/sluice.yaml': '- port: 1' } })
  assert.match(list.message, /sluice.yaml must be a mapping of settings/)
})

test('a configuration file that is named must exist; the usual one need not', async () => {
  assert.match((await refused({ flags: { config: 'other.yaml' } })).message, /There is no file other.yaml/)
  const named = await load({ env: { SLUICE_CONFIG: 'b.yaml' }, files: { '/app/b.yaml': 'port: 5' } })
  assert.deepEqual([named.config.port, named.origins.port], [5, 'b.yaml:1'])
})

test('a variable that looks like a setting and is none is told, with what may have been meant', () => {
  const env = { SLUICE_PROT: '1', SLUICE_ADMIN_TOKEN_FILE: 'x', CUSTOMERIO_REGION: 'eu', HOME: '/' }
  assert.deepEqual(unknownVariables(env), [{ name: 'SLUICE_PROT', near: 'SLUICE_PORT' }])
})

test('secrets are masked wherever they are shown', async () => {
  assert.deepEqual(['', 'k', 'dev', 'a-long-secret-key'].map(masked), ['…', '…', 'd…v', 'a-…ey'])
  const { config } = await load({
    env: { CUSTOMERIO_SITE_ID: 'site', CUSTOMERIO_API_KEY: 'hunter2hunter2' },
  })
  assert.equal(shown('siteId', config), 'site')
  assert.equal(shown('apiKey', config), 'hu…r2')
  assert.equal(shown('sources', config), 'default:site:hu…r2')
  assert.equal(shown('appApiKey', config), '')
})

test('each kind of value takes what people write, and nothing near it', () => {
  const taken: readonly [SettingName, unknown, unknown][] = [
    ['siteId', ' s ', 's'],
    ['lanes', '1024', 1024],
    ['kafkaTls', 'Yes', true],
    ['kafkaTls', 'off', false],
    ['roles', 'ingest , delivery', ['ingest', 'delivery']],
    ['roles', [' ingest '], ['ingest']],
    ['kafkaBrokers', ['a:1', '[::1]:9092'], ['a:1', '[::1]:9092']],
    ['url', ' HTTP://x/a// ', 'HTTP://x/a'],
    ['trackUrl', 'https://x/', 'https://x'],
    ['maxLogBytes', '1.5 KB', 1536],
    ['sources', 'none', []],
  ]
  for (const [name, given, value] of taken) assert.deepEqual(settingOf(name).kind.read(given), value)
  const refused: Readonly<Partial<Record<SettingName, readonly unknown[]>>> = {
    siteId: ['', ' ', 1, null, ['s'], {}],
    lanes: ['0', '1025', '1.0', '1e1', ' 1', '-1', '9'.repeat(400)],
    kafkaTls: ['yess', '', 'TRUE '],
    roles: ['', 'ingest,', 'Ingest', [], [''], ['ingest', 1]],
    kafkaBrokers: ['a', 'a:1,', 'a:123456', 'a b:1'],
    url: ['x', 'http:x', 'http://', 'ftp://x'],
    trackUrl: ['https://x/a', 'https://u:p@x', 'https://x?q'],
    sources: ['a:b', [[]], ['x'], [{ name: 'a', site_id: 's', api_key: 'k', write_key: '' }]],
    preflight: [['id_bytes'], { id_bytes: 1 }],
  }
  for (const name of SETTING_NAMES)
    for (const given of refused[name] ?? [])
      assert.equal(settingOf(name).kind.read(given), undefined, `${name}: ${JSON.stringify(given)}`)
})

test('durations are shown as people write them', async () => {
  const { config } = await load({ env: { SLUICE_SHUTDOWN: '90s', SLUICE_LIMITS_LINGER: '1500ms' } })
  assert.deepEqual(
    (['retentionMs', 'shutdownMs', 'lingerMs'] as const).map((name) => shown(name, config)),
    ['7d', '90s', '1500ms'],
  )
})

test('durations and flags are read as people write them', () => {
  const durations = ['250ms', '1.5s', '15m', '36h', '7d', '0'].map(parseDuration)
  assert.deepEqual(durations, [250, 1500, 900_000, 129_600_000, 604_800_000, 0])
  assert.deepEqual(['soon', '40', ''].map(parseDuration), [undefined, undefined, undefined])
  assert.equal(flagName('-p, --data-dir <path>'), 'dataDir')
})

test('no two settings share a path, a variable or a flag, and each says what it is', () => {
  const all = SETTING_NAMES.flatMap((name) => [settingOf(name).yaml, ...twinsOf(name)])
  assert.equal(new Set(all).size, all.length)
  for (const name of SETTING_NAMES) assert.match(settingOf(name).about, /^[A-Z].*\.$/)
})
