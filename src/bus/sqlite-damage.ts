/** What a log lacks, or holds altered: ranges of offsets by topic, how they are named, and which were accepted as lost. */
import { SluiceError } from '../core/errors.ts'
import type { Range } from './progress.ts'

export interface Damage extends Range {
  readonly topic: string
}

export const nameOf = ({ topic, from, to }: Damage): string => `${topic}:${from}-${to}`

/** Names all of them, in the form in which they can be accepted; the details are those of the first. */
export function damaged(damages: readonly Damage[], cause?: unknown): SluiceError {
  const [first] = damages
  const offsets = damages.map(nameOf).join(',')
  return new SluiceError('log_damaged', `The log lacks, or holds altered, the offsets ${offsets}.`, {
    cause,
    details: { ...first, ...(damages.length > 1 ? { offsets } : {}) },
    hint: `Restore the data directory from a backup, or start without them: "sluice serve --accept-loss ${offsets}".`,
  })
}

/** The ranges of `--accept-loss`: `topic:from-to`, several separated by commas. Throws `bad_config`. */
export function parseLoss(text: string): Damage[] {
  const damages = text.split(',').map((part) => {
    const match = /^(?<topic>[^:]+):(?<from>\d+)-(?<to>\d+)$/.exec(part.trim())
    if (!match?.groups)
      throw new SluiceError('bad_config', `"${part}" is no range of offsets; write topic:from-to.`)
    const { topic = '', from, to } = match.groups
    return { topic, from: Number(from), to: Number(to) }
  })
  return joinDamages(damages)
}

export const isAccepted = (damage: Damage, accepted: readonly Damage[]): boolean =>
  accepted.some(({ topic, from, to }) => topic === damage.topic && from <= damage.from && to >= damage.to)

/** Each topic's in ascending order, those that touch as one. */
export const joinDamages = (damages: readonly Damage[]): Damage[] =>
  [...Map.groupBy(damages, ({ topic }) => topic)].flatMap(([topic, own]) =>
    joinRanges(own).map(({ from, to }) => ({ topic, from, to })),
  )

export function joinRanges(ranges: readonly Range[]): Range[] {
  const joined: Range[] = []
  for (const { from, to } of [...ranges].sort((a, b) => a.from - b.from)) {
    const last = joined.at(-1)
    if (last && from <= last.to + 1)
      joined[joined.length - 1] = { from: last.from, to: Math.max(last.to, to) }
    else joined.push({ from, to })
  }
  return joined
}
