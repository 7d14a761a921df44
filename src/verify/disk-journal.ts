/** What a process did to the files of a directory, as the shim recorded it (disk-shim.c, `struct header`). */
import { readFileSync } from 'node:fs'

export type DiskOp =
  | {
      readonly kind: 'open'
      readonly file: number
      readonly path: string
      /** The name is new in the directory. */
      readonly created: boolean
      readonly emptied: boolean
    }
  | {
      readonly kind: 'write'
      readonly file: number
      readonly at: number
      readonly data: Buffer
      /** It was on the disk when the call returned (O_DSYNC). */
      readonly synced: boolean
    }
  | { readonly kind: 'truncate'; readonly file: number; readonly size: number }
  | { readonly kind: 'sync'; readonly file: number; readonly directory: boolean }
  | { readonly kind: 'unlink'; readonly file: number; readonly path: string }
  | { readonly kind: 'rename'; readonly file: number; readonly path: string; readonly to: string }
  | { readonly kind: 'mark'; readonly text: string }

const HEADER = 32

export function readJournal(path: string): DiskOp[] {
  const bytes = readFileSync(path)
  const ops: DiskOp[] = []
  for (let at = 0; at < bytes.length; ) {
    const names = at + HEADER
    const data = names + bytes.readUInt32LE(at + 24)
    const end = data + bytes.readUInt32LE(at + 28)
    ops.push(opOf(bytes.subarray(at, names), bytes.subarray(names, data), bytes.subarray(data, end)))
    at = end
  }
  return ops
}

function opOf(header: Buffer, name: Buffer, data: Buffer): DiskOp {
  const flags = header.readUInt32LE(4)
  const file = Number(header.readBigUInt64LE(8))
  const at = Number(header.readBigUInt64LE(16))
  const path = name.toString()
  const has = (flag: number) => (flags & flag) !== 0
  switch (header.readUInt32LE(0)) {
    case 1:
      return { kind: 'open', file, path, created: has(1), emptied: has(2) }
    case 2:
      return { kind: 'write', file, at, data, synced: has(4) }
    case 3:
      return { kind: 'truncate', file, size: at }
    case 4:
      return { kind: 'sync', file, directory: has(1) }
    case 5:
      return { kind: 'unlink', file, path }
    case 6:
      return { kind: 'rename', file, path, to: data.toString() }
    default:
      return { kind: 'mark', text: data.toString() }
  }
}
