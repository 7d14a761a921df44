/** Characters and numbers that Customer.io, or what it stores them in, may not keep. */
import { memberMap } from '../core/json.ts'
import type { Finding, Subject } from './finding.ts'
import type { RuleName } from './rules.ts'

/** No text without one of these holds anything to find: it costs one pass of the regular expression. */
const SUSPECT = /\\u(?:0000|d[89a-f])|\d{19}|\d[eE]\+?\d{3}/i
const TOKEN = /"(?:[^"\\]+|\\.)*"|-?\d[\d.eE+-]*/g

const LOOKED_AT = ['identifiers', 'name', 'attributes', 'device', 'cio_relationships']

const MESSAGES = {
  lone_surrogate: 'holds half of a character, which UTF-8 cannot store',
  nul_character: 'holds a NUL character',
  number_range: 'holds a number that 64 bits cannot hold',
} as const satisfies Partial<Record<RuleName, string>>

export function checkTexts({ members }: Subject, found: Finding[]): void {
  for (const name of LOOKED_AT) {
    const text = members.get(name)
    if (text === undefined || !SUSPECT.test(text)) continue
    if (!text.startsWith('{')) checkOne(name, text, found)
    else
      for (const [key, member] of memberMap(text))
        checkOne(`${name}.${key.toWellFormed()}`, `${JSON.stringify(key)}${member}`, found)
  }
}

function checkOne(field: string, text: string, found: Finding[]): void {
  const rules = new Set<keyof typeof MESSAGES>()
  for (const [token] of text.matchAll(TOKEN)) {
    if (!token.startsWith('"')) {
      if (isBeyond(token)) rules.add('number_range')
    } else if (token.includes('\\u')) {
      const said = String(JSON.parse(token))
      if (!said.isWellFormed()) rules.add('lone_surrogate')
      if (said.includes('\0')) rules.add('nul_character')
    }
  }
  for (const rule of rules) found.push({ rule, field, message: `${field} ${MESSAGES[rule]}` })
}

const [LEAST, MOST] = [-(2n ** 63n), 2n ** 64n - 1n]

/** A whole number beyond 64 bits, or one that a double cannot hold. Of 20 digits at most a BigInt is made. */
function isBeyond(number: string): boolean {
  if (!/^-?\d+$/.test(number)) return !Number.isFinite(Number(number))
  if (number.length < 19) return false
  if (number.length > 20) return true
  const whole = BigInt(number)
  return whole < LEAST || whole > MOST
}
