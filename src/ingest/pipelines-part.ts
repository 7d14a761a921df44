/** An object within a message of the Pipelines API: what JSON.parse made of it, to look into, and its text, to take from. */
import { isObject, type JsonObject, memberMap } from '../core/json.ts'
import { refuse } from './read-v1.ts'
import { exactText, isPresent } from './read-v2.ts'

export class Part {
  readonly value: JsonObject
  readonly text: string
  #members: ReadonlyMap<string, string> | undefined

  constructor(value: JsonObject, text: string) {
    this.value = value
    this.text = text
  }

  /** False for null and "" as well: Customer.io takes them for nothing. */
  has(name: string): boolean {
    return Object.hasOwn(this.value, name) && isPresent(this.value[name])
  }

  /** A member as it stands in the text; undefined when there is nothing. */
  textOf(name: string): string | undefined {
    this.#members ??= memberMap(this.text)
    return this.has(name) ? this.#members.get(name) : undefined
  }

  /** The first of these that is there, a number to the digit. Throws `bad_request` when it is neither text nor number. */
  id(...names: readonly string[]): string | undefined {
    const name = names.find((each) => this.has(each))
    if (name === undefined) return undefined
    const value = this.value[name]
    if (typeof value !== 'string' && typeof value !== 'number') throw refuse(name, `${name} must be a string`)
    if (typeof value === 'string' && !value.isWellFormed())
      throw refuse(name, `${name} is not well-formed Unicode`)
    return exactText(value, this.textOf(name))
  }

  /** The same, of one that must be there. */
  needId(...names: readonly string[]): string {
    const found = this.id(...names)
    if (found === undefined) throw refuse(names[0] ?? '', `${names[0]} is required`)
    return found
  }

  /** An object within, empty when there is none. Throws `bad_request` when it is anything else. */
  part(name: string): Part {
    const value = this.has(name) ? this.value[name] : {}
    if (!isObject(value)) throw refuse(name, `${name} must be an object`)
    return new Part(value, this.textOf(name) ?? '{}')
  }
}
