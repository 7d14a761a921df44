/** Servers in processes of their own, which tell what they have used. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

/** What a server has used so far. */
export interface Usage {
  /** Milliseconds of CPU, all threads, system calls included. */
  readonly cpuMs: number
  readonly rssMb: number
  /** Calls and items that it was sent; of a sink. */
  readonly calls: number
  readonly items: number
}

export interface Server {
  readonly url: string
  readonly child: ChildProcess
  /** From the start of the process until it listened. */
  readonly startMs: number
}

const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

export async function start(...args: string[]): Promise<Server> {
  const started = performance.now()
  const child = fork(join(import.meta.dirname, 'server.ts'), args, {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  running.add(child)
  const [url] = (await once(child, 'message')) as [string]
  return { url, child, startMs: performance.now() - started }
}

export async function usageOf({ child }: Server): Promise<Usage> {
  const answer = once(child, 'message')
  child.send('usage')
  const [usage] = (await answer) as [Usage]
  return usage
}

export async function stop({ child }: Server): Promise<void> {
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
  running.delete(child)
}
