/** How lanes are shared among the members of a group in one process, and how they move: drain first, then fence. */

export interface Member {
  /** Hands out nothing more of these lanes; resolves when their work is drained, or the member's time for it is up. */
  drain(lanes: readonly number[]): Promise<void>
  /** The lane is now this member's. */
  gain(lane: number): void
  /** The lane is no longer this member's. */
  lose(lane: number): void
}

/**
 * Who should own each lane: as even as can be (the numbers differ by one at most), with as few moves as that allows,
 * and the spare ones with those who already have the most.
 */
export function share<M>(owners: readonly (M | undefined)[], members: readonly M[]): (M | undefined)[] {
  const room = quotas(owners, members)
  const take = (member: M | undefined): M | undefined => {
    const left = member === undefined ? 0 : (room.get(member) ?? 0)
    if (member === undefined || left === 0) return undefined
    room.set(member, left - 1)
    return member
  }
  const kept = owners.map(take)
  return kept.map((owner) => owner ?? take(members.find((member) => (room.get(member) ?? 0) > 0)))
}

function quotas<M>(owners: readonly (M | undefined)[], members: readonly M[]): Map<M, number> {
  const owned = new Map(members.map((member) => [member, 0]))
  for (const owner of owners)
    if (owner !== undefined && owned.has(owner)) owned.set(owner, (owned.get(owner) ?? 0) + 1)
  const most = [...owned.keys()].sort((a, b) => (owned.get(b) ?? 0) - (owned.get(a) ?? 0))
  const each = Math.floor(owners.length / members.length)
  const spare = owners.length % members.length
  return new Map(most.map((member, index) => [member, index < spare ? each + 1 : each]))
}

export class Sharing<M extends Member> {
  readonly #owners: (M | undefined)[]
  readonly #fence: (lane: number) => void
  #members: readonly M[] = []
  #balancing = false
  #stale = false

  /** `fence` is called when an ownership ends, before the next one begins. */
  constructor(lanes: number, fence: (lane: number) => void) {
    this.#owners = new Array(lanes).fill(undefined)
    this.#fence = fence
  }

  /** Lanes that nobody owns are the member's at once; others come when they are drained. */
  join(member: M): void {
    this.#members = [...this.#members, member]
    void this.#balance()
  }

  /** The member's lanes are fenced at once: who leaves has settled what it wanted to settle. */
  leave(member: M): void {
    this.#members = this.#members.filter((other) => other !== member)
    for (const [lane, owner] of this.#owners.entries()) if (owner === member) this.#release(lane, member)
    void this.#balance()
  }

  /** One at a time; who comes or goes during a drain is seen in the next round. */
  async #balance(): Promise<void> {
    this.#stale = true
    if (this.#balancing) return
    this.#balancing = true
    while (this.#stale) {
      this.#stale = false
      const moves = this.#moves()
      this.#assign()
      if (moves.size > 0) await this.#drain(moves)
    }
    this.#balancing = false
  }

  #moves(): Map<M, number[]> {
    const wanted = share(this.#owners, this.#members)
    const moves = new Map<M, number[]>()
    for (const [lane, owner] of this.#owners.entries())
      if (owner !== undefined && owner !== wanted[lane]) moves.set(owner, [...(moves.get(owner) ?? []), lane])
    return moves
  }

  async #drain(moves: ReadonlyMap<M, readonly number[]>): Promise<void> {
    await Promise.all([...moves].map(([owner, lanes]) => owner.drain(lanes)))
    for (const [owner, lanes] of moves)
      for (const lane of lanes) if (this.#owners[lane] === owner) this.#release(lane, owner)
    this.#stale = true
  }

  #release(lane: number, owner: M): void {
    this.#owners[lane] = undefined
    this.#fence(lane)
    owner.lose(lane)
  }

  #assign(): void {
    const wanted = share(this.#owners, this.#members)
    for (const [lane, owner] of this.#owners.entries()) {
      const next = wanted[lane]
      if (owner !== undefined || next === undefined) continue
      this.#owners[lane] = next
      next.gain(lane)
    }
  }
}
