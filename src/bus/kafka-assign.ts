/**
 * Who gets which lane. The members say what they hold when they join; the leader moves as few lanes as it can, and a lane
 * that someone holds goes to nobody until that holder has let go of it and joined again. So the others work on during a
 * rebalance, and no lane ever has two owners.
 */
import { share } from './sharing.ts'

/** What a member says when it joins. */
export interface Claim {
  /** The generation of the group in which it last was a member; a claim of an earlier one does not count. */
  readonly generation: number
  readonly lanes: readonly number[]
}

export function assign(claims: ReadonlyMap<string, Claim>, lanes: number): Map<string, number[]> {
  const members = [...claims.keys()].sort()
  const holders = holdersOf(claims, lanes)
  const assigned = new Map<string, number[]>(members.map((member) => [member, []]))
  for (const [lane, member] of share(holders, members).entries())
    if (member !== undefined && (holders[lane] ?? member) === member) assigned.get(member)?.push(lane)
  return assigned
}

function holdersOf(claims: ReadonlyMap<string, Claim>, lanes: number): (string | undefined)[] {
  const holders = new Array<string | undefined>(lanes).fill(undefined)
  const since = new Array<number>(lanes).fill(Number.NEGATIVE_INFINITY)
  for (const [member, claim] of claims)
    for (const lane of claim.lanes) {
      if (lane >= lanes || claim.generation <= (since[lane] ?? 0)) continue
      holders[lane] = member
      since[lane] = claim.generation
    }
  return holders
}

export const encodeClaim = (claim: Claim): Buffer => Buffer.from(JSON.stringify(claim))

/** Other members of the group are Sluice as well, perhaps of another version: what cannot be read claims nothing. */
export function decodeClaim(bytes: Uint8Array | undefined): Claim {
  try {
    const { generation, lanes } = JSON.parse(Buffer.from(bytes ?? []).toString()) as Partial<Claim> // checked below
    if (typeof generation === 'number' && Array.isArray(lanes)) return { generation, lanes }
  } catch {}
  return { generation: -1, lanes: [] }
}
