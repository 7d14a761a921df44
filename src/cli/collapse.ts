/** The feed for eyes: what comes in crowds becomes one line with a count. */
import type { Happening } from '../core/feed.ts'
import type { Api } from './api.ts'
import { feedLine, isSkipped, type Look, type Skipped, statusWords, watchFeed } from './feed.ts'
import type { Job } from './job.ts'

/** Happenings of one moment are looked at together. */
const MOMENT_MS = 200
/** More than these of one sort in one moment become one line. */
const FEW = 5

/** The feed as lines, at most a few of each sort in a moment. Throws what reading it throws. */
export async function* watchCollapsed(job: Job, api: Api): AsyncGenerator<string> {
  let held: (Happening | Skipped)[] = []
  let ended = false
  const reading = (async () => {
    for await (const line of watchFeed(api)) held.push(line)
  })().finally(() => {
    ended = true
  })
  // It is awaited below; until then a failure must not count as one that nobody handles.
  reading.catch(() => {})
  while (!ended && !job.signal.aborted) {
    await job.host.clock.sleep(MOMENT_MS, job.signal)
    const moment = held
    held = []
    yield* collapse(moment.filter(isHappening), job.output)
    const skipped = moment.filter(isSkipped).reduce((sum, line) => sum + line.skipped, 0)
    if (skipped > 0) yield `… ${skipped} more, too fast to tell`
  }
  await reading
}

const isHappening = (line: Happening | Skipped): line is Happening => !isSkipped(line)

/** In their order; of a crowd the first one, with how many there were. */
export function collapse(happenings: readonly Happening[], look: Look): string[] {
  const sorts = Map.groupBy(happenings, (each) => [each.what, each.kind, ...statusWords(each)].join(' '))
  const lines: { readonly place: number; readonly text: string }[] = []
  const places = new Map(happenings.map((happening, place) => [happening, place]))
  for (const crowd of sorts.values()) {
    const told = crowd.length > FEW ? crowd.slice(0, 1) : crowd
    const count = crowd.length > FEW ? `  ${look.paint('bold', `×${crowd.length}`)}` : ''
    for (const one of told) lines.push({ place: places.get(one) ?? 0, text: feedLine(one, look) + count })
  }
  return lines.sort((a, b) => a.place - b.place).map(({ text }) => text)
}
