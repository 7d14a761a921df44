/** What ingest would say of one operation in Track v2 form, for `sluice send --check`. Nothing is stored. */
import { parseJson } from '../core/json.ts'
import { brokenLimit } from '../core/json-limits.ts'
import type { Judged } from '../preflight/finding.ts'
import { type Context, preflight } from '../preflight/preflight.ts'
import { ruleOf } from '../preflight/rules.ts'
import { RefusedByRules } from './judge.ts'
import { type ItemError, isItemError, readOne } from './read-v2.ts'

export interface Remark {
  readonly policy: Judged['policy']
  /** A rule of preflight; `required` or `invalid` for what is no operation at all. */
  readonly rule: string
  readonly field: string
  readonly limit?: number
  readonly message: string
  readonly todo: string
}

/** Pure, but for the memory in the context. */
export function checkItem(text: string, context: Context): readonly Remark[] {
  try {
    const broken = brokenLimit(text)
    if (broken !== undefined) return [formRemark({ reason: 'invalid', field: '', message: broken })]
    const read = readOne(text, parseJson(text))
    return isItemError(read) ? [formRemark(read)] : preflight(read, context).map(ruleRemark)
  } catch (thrown) {
    if (thrown instanceof RefusedByRules) return thrown.findings.map(ruleRemark)
    throw thrown
  }
}

const formRemark = ({ reason, field, message }: ItemError): Remark => ({
  policy: 'refuse',
  rule: reason,
  field,
  message,
  todo: 'Write each operation as an item of a Track v2 batch, one JSON object a line.',
})

function ruleRemark({ rule, policy, field, message }: Judged): Remark {
  const { limit, todo } = ruleOf(rule)
  return { policy, rule, field, ...(limit !== undefined && { limit }), message, todo }
}
