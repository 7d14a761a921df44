/**
 * Preflight of what comes in: what a rule refuses is refused in the words of the API it came by, what a rule puts right is
 * put right before anything is made of it, and what is taken all the same is told of. See preflight/.
 */
import type { Clock } from '../core/clock.ts'
import { SluiceError } from '../core/errors.ts'
import { plainNumber } from '../core/json.ts'
import { LIMITS } from '../core/limits.ts'
import type { Notify } from '../core/notices.ts'
import { HEADER } from '../core/record.ts'
import { hasV1Form } from '../core/v1-form.ts'
import { findingsText, type Judged } from '../preflight/finding.ts'
import { Memory } from '../preflight/memory.ts'
import { fix, preflight } from '../preflight/preflight.ts'
import { type Policies, type RuleName, ruleOf } from '../preflight/rules.ts'
import type { Draft } from './draft.ts'
import { stampedBytesOver } from './stamp.ts'

export interface JudgeOptions {
  readonly policies: Policies
  readonly clock: Pick<Clock, 'now'>
  readonly notify: Notify
}

/** One for all that comes in, by whichever way, since it remembers how people were named. */
export class Judge {
  readonly #options: JudgeOptions
  readonly #memory = new Memory()

  constructor(options: JudgeOptions) {
    this.#options = options
  }

  /** Unix seconds, for who judges many at once: to ask the clock takes a fifth of the time of a judgement. */
  now(): number {
    return Math.floor(this.#options.clock.now() / 1000)
  }

  /** The draft as it may be accepted. Throws `preflight_refused`, a `RefusedByRules`. */
  judge(draft: Draft, nowSeconds = this.now()): Draft {
    const { policies } = this.#options
    const findings = preflight(draft, { policies, nowSeconds, memory: this.#memory })
    if (findings.length === 0) return this.#fitting(draft)
    this.#tell(findings)
    const refused = findings.filter(({ policy }) => policy === 'refuse')
    if (refused.length > 0) throw new RefusedByRules(refused)
    return this.#fitting(withFindings(draft, findings))
  }

  /** What has a form in Track v1 travels by that, where it is too large for v2. All else must fit with what is added to it. */
  #fitting(draft: Draft): Draft {
    const bytes = stampedBytesOver(draft, LIMITS.itemBytes)
    if (bytes === undefined || hasV1Form(draft.kind, draft.members.get('identifiers'))) return draft
    const message = `an operation that Track v1 has no form for has at most ${LIMITS.itemBytes} bytes: this has ${bytes} with the id and the time that Sluice adds`
    const refusal = refuseByRule('item_bytes', '', message)
    this.#tell(refusal.findings)
    throw refusal
  }

  #tell(findings: readonly Judged[]): void {
    for (const { rule, policy, field } of findings)
      this.#options.notify('preflight.found', { rule, policy, field })
  }
}

/** With what is to be put right put right. */
function withFindings(draft: Draft, findings: readonly Judged[]): Draft {
  const { kind, key, others, members, value, clientId } = draft
  fix(members, findings)
  const seconds = secondsIn(draft, members)
  const headers = { ...draft.headers, [HEADER.preflight]: findingsText(findings) }
  const at = draft.at === undefined ? {} : { at: draft.at }
  return { kind, key, others, members, value, clientId, seconds, ...at, headers, findings }
}

function secondsIn({ seconds }: Draft, members: ReadonlyMap<string, string>): number | undefined {
  const text = members.get('timestamp')
  return seconds === undefined || text === undefined ? seconds : plainNumber(JSON.parse(text))
}

/** Refused by the rules that are named in its findings. */
export class RefusedByRules extends SluiceError {
  readonly findings: readonly Judged[]

  constructor(findings: readonly Judged[]) {
    const [first] = findings
    super('preflight_refused', first && sentence(first), {
      details: { rule: first?.rule ?? '', field: first?.field ?? '' },
      ...(first && { hint: ruleOf(first.rule).todo }),
    })
    this.findings = findings
  }
}

/** A finding in so many words, with the rule to look up. */
export const sentence = ({ message, rule }: Judged): string => `${message} (rule ${rule})`

/** What a reader refuses before there is an operation to look at. */
export const refuseByRule = (rule: RuleName, field: string, message: string): RefusedByRules =>
  new RefusedByRules([{ rule, field, message, policy: 'refuse' }])

/** The rules of findings for a header, each once: `empty_attribute, time_not_seconds;fixed` (RFC 9651, a list). */
export function rulesText(findings: readonly Judged[]): string {
  const rules = findings.map(({ rule, policy }) => (policy === 'fix' ? `${rule};fixed` : rule))
  return [...new Set(rules)].sort().join(', ')
}
