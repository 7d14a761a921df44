/** The faults that strike at moments of their own, rather than with a call. */
import type { Chance } from './chance.ts'
import type { CustomerIo } from './customer-io.ts'
import type { Machine } from './machine.ts'
import type { MemoryDisk } from './memory-disk.ts'
import { type FaultName, type Menu, momentsOf } from './menu.ts'
import type { Operator } from './operator.ts'
import type { Scheduler } from './scheduler.ts'

export interface MisfortuneOptions {
  readonly scheduler: Scheduler
  readonly chance: Chance
  readonly menu: Menu
  readonly machine: Machine
  readonly disk: MemoryDisk
  readonly customerIo: CustomerIo
  readonly operator: Operator
  readonly onFault: (name: FaultName) => void
}

const MONTH_MS = 30 * 24 * 3600 * 1000

export class Misfortune {
  readonly #options: MisfortuneOptions
  #calm = false

  constructor(options: MisfortuneOptions) {
    this.#options = options
  }

  begin(): void {
    for (const [name, aMinute] of momentsOf(this.#options.menu)) this.#plan(name, aMinute)
  }

  calm(): void {
    this.#calm = true
    this.#options.disk.empty()
    this.#options.disk.mend()
  }

  /** Moments of one kind come independently of each other: exponential gaps. */
  #plan(name: FaultName, aMinute: number): void {
    const { scheduler, chance, onFault } = this.#options
    const gapMs = (-Math.log(1 - chance.next()) * 60_000) / aMinute
    scheduler.after(gapMs, `fault ${name}`, () => {
      if (this.#calm) return
      onFault(name)
      STRIKES[name]?.(this.#options)
      this.#plan(name, aMinute)
    })
  }
}

const STRIKES: Readonly<Partial<Record<FaultName, (options: MisfortuneOptions) => void>>> = {
  crash: ({ machine }) => machine.crash(),
  deploy: ({ machine }) => void machine.deploy(),
  pause: ({ machine, chance }) => machine.process?.stop(chance.between(10, chance.hit(0.5) ? 500 : 60_000)),
  'clock jump': ({ machine, chance }) =>
    machine.process?.jump(chance.between(-1, 1) * (chance.hit(0.5) ? 5_000 : MONTH_MS)),
  'disk full': ({ disk, chance, scheduler }) => {
    disk.fill()
    scheduler.after(chance.between(500, 8_000), 'room on the disk', () => disk.empty())
  },
  'disk error': ({ disk, chance }) => disk.fail(chance.pick(['before', 'after'])),
  outage: ({ customerIo, chance }) =>
    customerIo.goDown(chance.hit(0.1) ? chance.between(600_000, 7_200_000) : chance.between(500, 40_000)),
  'hidden limit': ({ customerIo, chance }) =>
    customerIo.limitTo(chance.hit(0.2) ? Number.POSITIVE_INFINITY : 1 + chance.below(40)),
  credentials: ({ customerIo, chance }) => customerIo.forgetCredentials(chance.between(500, 90_000)),
  operator: ({ operator }) => void operator.decide(),
}
