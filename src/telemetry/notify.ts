/** What happened, told once: a notice becomes its log line and its counter, so that the two cannot disagree. */
import type { Logger } from 'pino'
import { type Clock, systemClock } from '../core/clock.ts'
import { NOTICES, type NoticeFields, type NoticeName, type Notify } from '../core/notices.ts'
import type { Metrics } from './metrics.ts'
import { Thinning } from './thinning.ts'

type Write = (...told: Parameters<Notify>) => void

/** Every notice counts; of one that is told over and over only some have a line, unless its level is debug. */
export function createNotify(
  log: Logger,
  { counters }: Metrics,
  clock: Pick<Clock, 'mono'> = systemClock,
): Notify {
  const write = writer(log, new Thinning(clock))
  return (name, fields = {}) => {
    const row = NOTICES[name]
    if (log.isLevelEnabled(row.level)) write(name, fields)
    const amount = 'sum' in row ? summand(fields[row.sum]) : 1
    counters.get(name)?.inc(labelsOf(name, fields), amount)
  }
}

/** Who asks for lines of debug wants to see everything. */
function writer(log: Logger, thinning: Thinning): Write {
  return (name, fields = {}) => {
    const { level } = NOTICES[name]
    const what = [name, ...Object.values(labelsOf(name, fields))].join(' ')
    const leftOut = level === 'debug' ? 0 : thinning.admit(what)
    if (leftOut === undefined) return
    log[level](leftOut > 0 ? { ...fields, left_out: leftOut } : fields, name)
  }
}

function labelsOf(name: NoticeName, fields: NoticeFields): Record<string, string> {
  const row = NOTICES[name]
  return 'labels' in row ? pick(fields, row.labels) : {}
}

/** A counter only grows: prom-client throws on less than 0 and keeps NaN for ever, and telling must never break the teller. */
const summand = (value: NoticeFields[string]): number =>
  typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : 0

const pick = (fields: NoticeFields, names: readonly string[]): Record<string, string> =>
  Object.fromEntries(names.map((name) => [name, String(fields[name] ?? '')]))
