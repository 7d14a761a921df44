/** What runs on the thread that writes the ledger (sqlite-thread.ts). */
import { parentPort, workerData } from 'node:worker_threads'
import { SluiceError } from '../core/errors.ts'
import { LedgerFile } from './sqlite-file.ts'
import type { Order, Report, ThreadOptions } from './sqlite-thread.ts'
import { FileWriter, type Writer } from './sqlite-writer.ts'

const tell = (report: Report): void => parentPort?.postMessage(report)

const onFatal = (error: SluiceError) => tell({ error: errorOf(error) })
const writer = new FileWriter(new LedgerFile({ ...(workerData as ThreadOptions), onFatal })) // writeOnThread gave it

async function obey({ number, verb, given }: Order): Promise<void> {
  const work = writer[verb] as (...given: readonly unknown[]) => ReturnType<Writer[keyof Writer]> // as Writer has it
  try {
    tell({ number, value: await work.apply(writer, [...given]) })
  } catch (thrown) {
    tell({ number, error: errorOf(thrown) })
  }
  if (verb === 'close') parentPort?.close()
}

function errorOf(thrown: unknown): NonNullable<Report['error']> {
  if (thrown instanceof SluiceError) return { code: thrown.code, message: thrown.message }
  return { code: 'internal', message: String(thrown) }
}

parentPort?.on('message', (order: Order) => void obey(order))
