/** A stretch of a lane in Progress: records one after another, as many as fit, and which of them are settled. */

/** 256 records take 2.3 KB: so much is kept at the most for one unsettled record with nothing but settled ones around it. */
const RECORDS = 256
const NOTHING = new Float64Array(0)

/** Unsettled records with nothing settled between them. */
export interface Run {
  readonly from: number
  readonly to: number
  /** Nothing lies before it in its block. */
  readonly isFirst: boolean
}

export class Block {
  #offsets = new Float64Array(RECORDS)
  #settled = new Uint8Array(RECORDS)
  #first = Number.POSITIVE_INFINITY
  #length = 0
  #unsettled = 0
  /** Below this index all are settled. */
  #head = 0

  get first(): number {
    return this.#first
  }

  get unsettled(): number {
    return this.#unsettled
  }

  get isFull(): boolean {
    return this.#length === RECORDS
  }

  /** Whether what lies last in it is settled. */
  get endsSettled(): boolean {
    return this.#length > 0 && (this.#unsettled === 0 || this.#settled[this.#length - 1] === 1)
  }

  /** The lowest unsettled offset. */
  get position(): number | undefined {
    if (this.#unsettled === 0) return undefined
    while (this.#settled[this.#head] === 1) this.#head += 1
    return this.#offsets[this.#head]
  }

  /** Offsets come ascending. */
  push(offset: number, settled: boolean): void {
    if (this.#length === 0) this.#first = offset
    this.#offsets[this.#length] = offset
    this.#settled[this.#length] = settled ? 1 : 0
    this.#length += 1
    if (!settled) this.#unsettled += 1
  }

  /** True when it was there, and unsettled. */
  settle(offset: number): boolean {
    const at = this.#indexOf(offset)
    if (this.#offsets[at] !== offset || this.#settled[at] === 1) return false
    this.#settled[at] = 1
    this.#unsettled -= 1
    return true
  }

  runs(): Run[] {
    const runs: Run[] = []
    for (let at = 0; this.#unsettled > 0 && at < this.#length; at += 1) {
      if (this.#settled[at] === 1) continue
      const start = at
      if (this.#unsettled === this.#length) at = this.#length - 1
      while (at + 1 < this.#length && this.#settled[at + 1] === 0) at += 1
      runs.push({
        from: this.#offsets[start] ?? 0,
        to: this.#offsets[at] ?? 0,
        isFirst: start === 0,
      })
    }
    return runs
  }

  /** All of it is settled, and more does not fit: which records they are need not be known any more. */
  close(): void {
    this.#offsets = NOTHING
    this.#settled = new Uint8Array(0)
  }

  /** As new. */
  clear(): void {
    this.#length = 0
    this.#unsettled = 0
    this.#head = 0
  }

  #indexOf(offset: number): number {
    let low = 0
    let high = Math.min(this.#length, this.#offsets.length) - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#offsets[middle] ?? 0) < offset) low = middle + 1
      else high = middle
    }
    return low
  }
}
