/** What happened, told once: a notice becomes its log line and its counter, so that the two cannot disagree. */
import type { Logger } from 'pino'
import { NOTICES, type NoticeFields, type Notify } from '../core/notices.ts'
import type { Metrics } from './metrics.ts'

export function createNotify(log: Logger, { counters }: Metrics): Notify {
  return (name, fields = {}) => {
    const row = NOTICES[name]
    if (log.isLevelEnabled(row.level)) log[row.level](fields, name)
    const amount = 'sum' in row ? summand(fields[row.sum]) : 1
    const labels = 'labels' in row ? pick(fields, row.labels) : {}
    counters.get(name)?.inc(labels, amount)
  }
}

/** A counter only grows: prom-client throws on less than 0 and keeps NaN for ever, and telling must never break the teller. */
const summand = (value: NoticeFields[string]): number =>
  typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : 0

const pick = (fields: NoticeFields, names: readonly string[]): Record<string, string> =>
  Object.fromEntries(names.map((name) => [name, String(fields[name] ?? '')]))
