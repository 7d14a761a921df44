/** What is read from a file, or from stdin where the file is called `-`. */
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { SluiceError } from '../core/errors.ts'
import type { Job } from './job.ts'

/** `-` with a person at the terminal would wait for ever, without saying for what. */
function refuseTerminal({ host }: Job): void {
  if (host.stdin.isTTY)
    throw new SluiceError('bad_usage', 'Nothing is piped into this command.', {
      hint: 'Pipe a file into it, or give its path instead of "-".',
    })
}

const unreadable = (path: string, cause: unknown) =>
  new SluiceError('bad_usage', `${path} cannot be read.`, { cause, hint: 'Check the path.' })

/** The text itself, or of `@path` and `-` what is in there. Throws `bad_usage`. */
export async function readText(job: Job, given: string): Promise<string> {
  if (given === '-') {
    refuseTerminal(job)
    let text = ''
    for await (const chunk of job.host.stdin) text += String(chunk)
    return text
  }
  if (!given.startsWith('@')) return given
  const path = resolve(job.host.cwd, given.slice(1))
  return readFile(path, 'utf8').catch((cause: unknown) => {
    throw unreadable(path, cause)
  })
}

/** The lines of a file, or of stdin for `-`, one at a time. Throws `bad_usage`. */
export async function* readLines(job: Job, path: string): AsyncGenerator<string> {
  if (path === '-') refuseTerminal(job)
  const input = path === '-' ? job.host.stdin : createReadStream(resolve(job.host.cwd, path), 'utf8')
  let rest = ''
  try {
    for await (const chunk of input) {
      const lines = (rest + String(chunk)).split('\n')
      rest = lines.pop() ?? ''
      yield* lines
    }
  } catch (cause) {
    throw unreadable(path, cause)
  }
  if (rest !== '') yield rest
}
