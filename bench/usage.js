/**
 * Loaded before the gateway: tells the parent what the process has used, whenever it asks. It is no TypeScript, since for that
 * Node loads its compiler, 20 MB and 50 ms, which the package does without.
 */
import { isMainThread } from 'node:worker_threads'

if (isMainThread)
  process.on('message', () => {
    const { user, system } = process.cpuUsage()
    const rssMb = process.memoryUsage.rss() / 1024 / 1024
    process.send?.({ cpuMs: (user + system) / 1000, rssMb, calls: 0, items: 0 })
  })
