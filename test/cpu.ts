/** How long something takes where a test must say so: by what this thread has worked, since a machine has others beside it. */
const workedMs = (): number => {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

/** The CPU time of this thread until the work has ended, milliseconds. */
export async function cpuMs(work: () => unknown): Promise<number> {
  const before = workedMs()
  await work()
  return workedMs() - before
}
