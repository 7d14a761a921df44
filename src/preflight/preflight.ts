/**
 * Preflight (promise P10): what cannot be sent correctly is not sent silently. One operation in, what the rules say of it
 * out. Pure, but for the memory that is given to it.
 */
import { LIMITS } from '../core/limits.ts'
import { isTimely } from './clear.ts'
import type { Finding, Judged, Subject } from './finding.ts'
import { checkMeaning } from './meaning.ts'
import type { Memory } from './memory.ts'
import type { Policies } from './rules.ts'
import { checkSizes } from './sizes.ts'
import { checkTexts } from './texts.ts'
import { checkTimes } from './times.ts'

export interface Context {
  readonly policies: Policies
  /** When it was received, unix seconds. */
  readonly nowSeconds: number
  /** Without one, nothing is compared with what came before. */
  readonly memory?: Memory
}

export interface Looked extends Subject {
  /** The person key that the caller named. */
  readonly key: string | undefined
  readonly clientId: string | undefined
  /** The timestamp that the caller gave. */
  readonly seconds: number | undefined
  /**
   * Whether the text that it came as has shown that all but its id and its times is clear (clear.ts): value and members, which
   * are then built only if they are asked for, need not be looked at.
   */
  readonly isClear?: boolean
}

const NOTHING: readonly Judged[] = []

/** What the rules say, those that are off left out. Nothing is changed: see `fixed`. */
export function preflight(subject: Looked, { policies, nowSeconds, memory }: Context): readonly Judged[] {
  const found = findingsOf(subject, nowSeconds)
  if (memory) checkMemory(subject, { memory, nowSeconds }, found)
  return found.length === 0 ? NOTHING : judge(found, policies)
}

function findingsOf(subject: Looked, nowSeconds: number): Finding[] {
  const found: Finding[] = []
  if (subject.isClear && isTimely(subject, nowSeconds)) return found
  const { kind, value, members } = subject
  const built = { kind, value, members }
  checkSizes(built, found)
  checkTimes(built, nowSeconds, found)
  checkTexts(built, found)
  checkMeaning(built, found)
  return found
}

/** A finding that nothing can put right is refused where it would have been put right. */
function judge(found: readonly Finding[], policies: Policies): Judged[] {
  return found.flatMap((finding) => {
    const policy = policies[finding.rule]
    if (policy === 'off') return []
    return [{ ...finding, policy: policy === 'fix' && !finding.fix ? 'refuse' : policy }]
  })
}

interface Remembering {
  readonly memory: Memory
  readonly nowSeconds: number
}

/** What is too long to be an id is not remembered as one. */
function checkMemory(
  { kind, key, seconds }: Looked,
  { memory, nowSeconds }: Remembering,
  found: Finding[],
): void {
  if (key === undefined || key.length > LIMITS.nameBytes + 3) return
  const other = key.startsWith('id:') ? memory.otherSpelling(key) : undefined
  if (other !== undefined)
    found.push({
      rule: 'similar_id',
      field: 'identifiers.id',
      message: `"${other}" was named before, and differs only in case or spaces`,
    })
  if (kind !== 'person.identify') return
  const behind = memory.secondsBehind(key, Math.min(seconds ?? nowSeconds, nowSeconds))
  if (behind > 0)
    found.push({
      rule: 'stale_identify',
      field: 'timestamp',
      message: `a newer identify of the person came before, by ${behind} seconds`,
    })
}

/** The members with all fixes made that the policies ask for. The map is changed in place. */
export function fix(members: Map<string, string>, judged: readonly Judged[]): void {
  for (const { policy, fix } of judged) {
    const text = fix && members.get(fix.member)
    if (policy === 'fix' && fix && text !== undefined) members.set(fix.member, fix.apply(text))
  }
}
