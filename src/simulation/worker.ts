/** A thread of the fleet: runs the seeds that it is given, and tells each outcome. */
import { parentPort, workerData } from 'node:worker_threads'
import { PLANTS } from './plants.ts'
import { simulate } from './simulate.ts'

/** What the thread is started with. */
export interface Orders {
  readonly first: number
  /** From one seed to the next. */
  readonly stride: number
  readonly count: number
  /** The name of a fault to be planted. */
  readonly plant: string | undefined
}

const { first, stride, count, plant } = workerData as Orders // fleet.ts wrote it
const planted = plant === undefined ? undefined : PLANTS[plant]
for (let n = 0; n < count; n += 1) {
  const outcome = await simulate({ seed: first + n * stride, ...(planted && { plant: planted }) })
  parentPort?.postMessage(outcome)
}
