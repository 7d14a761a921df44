import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bannerLines } from './banner.ts'

const plain = (_: string, text: string) => text

const FACTS = {
  url: 'http://127.0.0.1:8246',
  emulatorUrl: 'http://127.0.0.1:8247',
  dataDir: '/app/.sluice',
  ephemeral: false,
  tookMs: 412,
  command: 'sluice',
}

test('the banner names every address and key, and what to try', () => {
  const text = bannerLines(FACTS, plain).join('\n')
  assert.match(text, /ready in 412 ms/)
  assert.match(text, /CUSTOMERIO_SITE_ID=dev {2}CUSTOMERIO_API_KEY=dev {2}CUSTOMERIO_TRACK_URL=http:\/\/127/)
  assert.match(text, /sluice trigger welcome {3}then the same with outage/)
  assert.match(text, /\/app\/\.sluice/)
})

test('at other ports, what to try names them', () => {
  const text = bannerLines({ ...FACTS, url: 'http://127.0.0.1:9000', ephemeral: true }, plain).join('\n')
  assert.match(text, /sluice trigger welcome --url http:\/\/127\.0\.0\.1:9000 /)
  assert.match(text, /nothing is kept/)
})

test('where npm started it, what to try goes by npx', () => {
  const text = bannerLines({ ...FACTS, command: 'npx sluice' }, plain).join('\n')
  assert.match(text, / {2}npx sluice trigger welcome /)
})
