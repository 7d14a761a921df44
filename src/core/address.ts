/** An address to listen on that cannot be had, as an error of the table. */
import { SluiceError } from './errors.ts'

export interface Wanted {
  readonly host: string
  readonly port: number
  /** What the port can be chosen with instead, such as `--port`. */
  readonly flag: string
}

/** Node's codes for a host that is not of this machine or is unknown, and for a port that this user may not have. */
const UNUSABLE: readonly unknown[] = ['EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN', 'EACCES', 'EPERM', 'EINVAL']

/** `port_in_use`, or `bad_config` where nobody could listen there; anything else as it is. */
export function toListenError(cause: unknown, { host, port, flag }: Wanted): unknown {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  if (code === 'EADDRINUSE')
    return new SluiceError('port_in_use', `Another process listens on ${host}:${port}.`, {
      cause,
      hint: `Stop it, or choose another port with ${flag} (0 takes any free one).`,
    })
  if (!UNUSABLE.includes(code)) return cause
  return new SluiceError('bad_config', `This process cannot listen on ${host}:${port}.`, {
    cause,
    hint: 'Name an address of this machine, or 0.0.0.0 for all of them, and a port that this user may have: from 1024 on.',
  })
}
