/** The person who looks after the dead letters: replays some, drops others. */
import type { Chance } from './chance.ts'
import type { Machine } from './machine.ts'

export interface OperatorOptions {
  readonly chance: Chance
  readonly machine: Machine
  /** These are put through again. */
  readonly onReplay: (ids: readonly string[]) => void
}

export class Operator {
  readonly #options: OperatorOptions

  constructor(options: OperatorOptions) {
    this.#options = options
  }

  /** What a full or failing disk refuses, the operator tries another time. */
  async decide(): Promise<void> {
    await this.#decide().catch(() => {})
  }

  async #decide(): Promise<void> {
    const { chance, machine, onReplay } = this.#options
    const { surfaces } = machine
    if (surfaces === undefined) return
    const { stores, replays } = surfaces
    const letters = await stores.ledger.dead.list({ state: 'waiting', limit: 100 })
    const chosen = letters.filter(() => chance.hit(0.5)).map(({ id }) => id)
    if (chance.hit(0.2)) {
      await stores.ledger.dead.drop(chosen)
      return
    }
    onReplay(chosen)
    await replays.start(chosen)
  }
}
