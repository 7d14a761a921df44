/** Waiting until an operation has an outcome. */
import type { Trace } from '../admin/wire.ts'
import { SluiceError } from '../core/errors.ts'
import type { Api } from './api.ts'
import type { Job } from './job.ts'

const isUnderWay = ({ state }: Trace) => state === 'pending' || state === 'replaying'

/**
 * The trace of the operation once it has ended. Throws `timed_out` when it has not within --timeout, and
 * `upstream_rejected` when Customer.io refuses it for good.
 */
export async function waitUntilSettled(job: Job, api: Api, id: string): Promise<Trace> {
  const { clock } = job.host
  const deadline = clock.mono() + job.timeoutMs
  for (let pause = 20; ; pause = Math.min(2 * pause, 500)) {
    const trace = await api.json<Trace>('GET', `/admin/v1/operations/${id}`)
    if (trace.state === 'dead') throw refused(trace)
    if (!isUnderWay(trace)) return trace
    if (clock.mono() >= deadline)
      throw new SluiceError('timed_out', `Operation ${id} has no outcome after ${job.timeoutMs / 1000} s.`, {
        details: { id },
      })
    await clock.sleep(pause, job.signal)
    job.signal.throwIfAborted()
  }
}

function refused({ id, refusal }: Trace): SluiceError {
  const reason = [refusal?.reason, refusal?.field, refusal?.message].filter(Boolean).join(', ')
  return new SluiceError('upstream_rejected', `Operation ${id} is dead: ${reason}.`, {
    details: { id, reason },
    hint: `See it with "sluice dlq show ${id}".`,
  })
}
