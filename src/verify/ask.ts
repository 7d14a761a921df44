/** Questions of the proofs over HTTP, each with a deadline: what does not answer is a failure with a name, and no proof that hangs. */
import { SluiceError } from '../core/errors.ts'

/** On two cores with fifteen builds beside it a gateway answers within 10 s; one that hangs never does. */
const ANSWER_MS = 60_000

/** As `fetch`. Throws `timed_out` when no answer has begun within a minute; its body has no longer either. */
export async function ask(url: string, init: RequestInit = {}): Promise<Response> {
  const signal = AbortSignal.timeout(ANSWER_MS)
  try {
    return await fetch(url, { ...init, signal })
  } catch (thrown) {
    if (!signal.aborted) throw thrown
    const asked = `${init.method ?? 'GET'} ${url}`
    throw new SluiceError('timed_out', `${asked} was not answered within ${ANSWER_MS / 1000} s.`, {
      cause: thrown,
    })
  }
}
