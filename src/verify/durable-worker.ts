/** The program that does the work of durable-work.ts; its one argument is the work, as JSON. */
import { doWork, type Work } from './durable-work.ts'

await doWork(JSON.parse(process.argv[2] ?? '') as Work) // the proof that started it wrote it
