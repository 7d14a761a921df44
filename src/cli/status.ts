/** `sluice status`: how it is, on one screen. */
import type { Status } from '../admin/status.ts'
import { adminApi } from './api.ts'
import type { Job } from './job.ts'
import { table } from './output.ts'
import type { Paint, Style } from './paint.ts'
import { CLIENT_SETTINGS, type CommandSpec } from './spec.ts'
import { spanText } from './time.ts'

export const status: CommandSpec = {
  name: 'status',
  group: 'Watch:',
  summary: 'How it is, on one screen: rates, backlog, dead letters, the way to Customer.io.',
  options: [{ flags: '-w, --watch', about: 'again every second, until ^C' }],
  settings: CLIENT_SETTINGS,
  examples: [
    ['sluice status', 'once'],
    ['sluice status --watch', 'until ^C'],
    ['sluice status --json | jq .conservation', 'for programs; with --watch one document a line'],
  ],
  run: showStatus,
}

const REFRESH_MS = 1000

async function showStatus(job: Job): Promise<void> {
  const { output, host, signal } = job
  const api = adminApi(job, await job.config())
  do {
    const now = await api.json<Status>('GET', '/admin/v1/status')
    if (job.flag('watch')) output.clear()
    if (output.json) output.document(now)
    else for (const line of statusLines(now, output.paint)) output.line(line)
    if (job.flag('watch')) await host.clock.sleep(REFRESH_MS, signal)
  } while (job.flag('watch') && !signal.aborted)
}

/** The figures as a table of two columns: what, and how it is. */
function statusLines(now: Status, paint: Paint): string[] {
  const { version, env, uptime_s, roles, dead, log } = now
  const rows: [string, string][] = [
    ['sluice', `${version}  ${env}  up ${spanText(uptime_s * 1000)}  roles ${roles.join(', ')}`],
    ['flow', flowText(now)],
    ['backlog', backlogText(now)],
    ...inboxRows(now),
    [
      'dead',
      `${dead.waiting} waiting${dead.waiting > 0 ? ' (sluice dlq list)' : ''}  ${dead.replaying} replaying`,
    ],
    ['upstream', upstreamText(now, paint)],
    ['account', conservationText(now, paint)],
  ]
  if (log.bytes !== undefined) rows.push(['log', bytesText(log.bytes)])
  return table(rows.map(([name, text]) => [paint('dim', name), text]))
}

const flowText = ({ backlog }: Status) =>
  `in ${Math.round(backlog.in_per_s)}/s  out ${Math.round(backlog.out_per_s)}/s`

function backlogText({ backlog: { pending, oldest_age_s, drains_in_s } }: Status): string {
  if (pending === 0) return 'none'
  const age = oldest_age_s === null ? '' : `  oldest ${spanText(oldest_age_s * 1000)}`
  const drain = drains_in_s === null ? 'not draining' : `drains in ${spanText(drains_in_s * 1000)}`
  return `${pending}${age}  ${drain}`
}

/** Only what holds something: most applications speak HTTP alone. */
function inboxRows({ inbox }: Status): [string, string][] {
  const held = inbox.filter(({ pending }) => pending > 0)
  const said = held.map(({ topic, pending }) => `${topic} ${pending}`)
  return held.length === 0 ? [] : [['topics', said.join('  ')]]
}

/** What each state means for the person who reads it. */
const STATES: Readonly<Record<Status['upstream']['state'], readonly [text: string, style: Style]>> = {
  closed: ['calling', 'green'],
  open: ['waiting for it to recover', 'red'],
  half_open: ['trying whether it has recovered', 'yellow'],
  credentials: ['refuses the credentials', 'red'],
  paused: ['not called by this process', 'dim'],
}

function upstreamText({ upstream }: Status, paint: Paint): string {
  const [text, style] = STATES[upstream.state]
  const where = `${upstream.url}  (${upstream.region})  ${paint(style, text)}`
  if (upstream.state === 'paused') return where
  const rate = `${Math.round(upstream.rate_per_s)} of ${upstream.ceiling_per_s} calls/s`
  const last = upstream.last_error
    ? paint('red', upstream.last_error)
    : `last ${upstream.last_status ?? 'none'}`
  const calls = `${upstream.in_flight} of ${upstream.concurrency} at once`
  return [where, rate, calls, last].join('  ')
}

/** The conservation figure of promise P2, as the equation it is. */
function conservationText({ conservation }: Status, paint: Paint): string {
  const { accepted, delivered, coalesced, suppressed, dead, pending, duplicate } = conservation
  const { elsewhere = 0, missing } = conservation
  const sum = Object.entries({ delivered, coalesced, suppressed, dead, pending, duplicate, elsewhere })
    .filter(([name, count]) => count > 0 || name === 'delivered')
    .map(([name, count]) => `${count} ${name}`)
  return `${accepted} accepted = ${sum.join(' + ')}  ${verdictOn(missing, paint)}`
}

/** Of several processes that share a bus, each knows what it has ended itself. */
function verdictOn(missing: number | null, paint: Paint): string {
  if (missing === null) return paint('dim', 'by the ledger of this process')
  return missing === 0 ? paint('green', 'none missing') : paint('red', `${missing} MISSING`)
}

function bytesText(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB']
  const step = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10))
  const amount = bytes / 1024 ** step
  return `${step > 0 && amount < 10 ? amount.toFixed(1) : Math.round(amount)} ${units[step]}`
}
