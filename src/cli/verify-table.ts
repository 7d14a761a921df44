/** What `sluice verify` shows: under each promise its proofs, with fault model, figures, seed and duration. */

import { PROMISE_IDS, PROMISES } from '../verify/promises.ts'
import type { Finding } from '../verify/proof.ts'
import type { Plan, ProofVerdict, Result } from '../verify/runner.ts'
import type { Paint, Style } from './paint.ts'
import { spanText } from './time.ts'

type Mode = Pick<Plan, 'control' | 'seed' | 'scale'>

export const MARKS: Readonly<Record<ProofVerdict, readonly [mark: string, style: Style]>> = {
  passed: ['✔', 'green'],
  failed: ['✖', 'red'],
  left_out: ['!', 'yellow'],
}

/** One document of the stream that --json gives. */
export const resultDocument = ({ proof, verdict, finding, durationMs }: Result, mode: Mode) => ({
  id: proof.id,
  promises: proof.promises,
  claim: proof.claim,
  fault_model: proof.faultModel,
  ...(mode.control && { planted: proof.control }),
  verdict,
  figures: finding.figures,
  ...(finding.detail !== undefined && { detail: finding.detail }),
  ...(finding.leftOut !== undefined && { left_out: finding.leftOut }),
  scale: mode.scale,
  seed: mode.seed,
  duration_s: Math.round(durationMs / 100) / 10,
})

/** All twelve promises, also those that nothing was run for. A proof of several is told whole under its first. */
export const promiseLines = (results: readonly Result[], mode: Mode, paint: Paint): string[] =>
  PROMISE_IDS.flatMap((id) => {
    const mine = results.filter(({ proof }) => proof.promises.includes(id))
    const evidence = mine.flatMap((result) => {
      const lines = resultLines(result, mode, paint)
      const [first = id] = result.proof.promises
      return first === id ? lines : [`${lines[0]} ${paint('dim', `(above, ${first})`)}`]
    })
    const none = `    ${paint('dim', '- no proof of it was run')}`
    return [`${paint('bold', id.padEnd(3))} ${PROMISES[id]}`, ...(mine.length === 0 ? [none] : evidence)]
  })

function resultLines({ proof, verdict, finding, durationMs }: Result, mode: Mode, paint: Paint): string[] {
  const [mark, style] = MARKS[verdict]
  const under = (name: string, text: string) => `          ${paint('dim', name.padEnd(8))} ${text}`
  return [
    `    ${paint(style, mark)} ${proof.id.padEnd(3)} ${proof.claim}`,
    mode.control ? under('planted', proof.control) : under('fault', proof.faultModel),
    under(verdict.replace('_', ' '), `${figuresText(finding)}seed ${mode.seed} · ${spanText(durationMs)}`),
    ...(finding.leftOut === undefined ? [] : [under('missing', finding.leftOut)]),
    ...(finding.detail?.split('\n') ?? []).slice(0, DETAIL_LINES).map((line) => under('', line)),
  ]
}

const DETAIL_LINES = 6

const figuresText = ({ figures }: Finding): string =>
  Object.entries(figures)
    .map(([name, value]) => `${name} ${typeof value === 'number' ? value.toLocaleString('en-US') : value} · `)
    .join('')
