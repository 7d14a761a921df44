/** All commands, in the order in which help lists them. */

import { bus } from './bus.ts'
import { completion } from './completion.ts'
import { config } from './config-show.ts'
import { dev } from './dev.ts'
import { dlq } from './dlq.ts'
import { doctor } from './doctor.ts'
import { emulator } from './emulator.ts'
import { explain } from './explain.ts'
import { send } from './send.ts'
import { serve } from './serve.ts'
import type { CommandSpec } from './spec.ts'
import { status } from './status.ts'
import { tail } from './tail.ts'
import { trace } from './trace.ts'
import { trigger } from './trigger.ts'
import { verify } from './verify.ts'

export const COMMANDS: readonly CommandSpec[] = [
  dev,
  serve,
  send,
  trigger,
  tail,
  trace,
  status,
  dlq,
  bus,
  emulator,
  doctor,
  verify,
  config,
  explain,
  completion,
]
