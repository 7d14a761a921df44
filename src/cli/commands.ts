/** All commands, in the order in which help lists them. */
import type { CommandSpec } from './command.ts'
import { completion } from './completion.ts'
import { config } from './config-show.ts'
import { dlq } from './dlq.ts'
import { doctor } from './doctor.ts'
import { emulator } from './emulator.ts'
import { explain } from './explain.ts'
import { send } from './send.ts'
import { status } from './status.ts'
import { tail } from './tail.ts'
import { trace } from './trace.ts'
import { trigger } from './trigger.ts'

export const COMMANDS: readonly CommandSpec[] = [
  send,
  trigger,
  tail,
  trace,
  status,
  dlq,
  emulator,
  doctor,
  config,
  explain,
  completion,
]
