/**
 * Texts as they lie in the file: long ones compressed, since records that were written together are much alike. Of events
 * of 211 bytes 5 are left, of outcomes of 244 two, where every page counts twice: in the write-ahead log and in the
 * database. It costs 0.15 us a record on the thread that writes, and as much to read. Pure.
 */
import { Buffer } from 'node:buffer'
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'

export type Packed = string | Uint8Array

/** As a text is read: itself, or its UTF-8 bytes where it was compressed, of which a checksum is had at half the cost. */
export type Text = string | Buffer

export const stringOf = (text: Text): string => (typeof text === 'string' ? text : text.toString('utf8'))

/**
 * The text is not needed any more, and its bytes are given back now. V8 would find them once there are 64 MB of such, and look
 * through all else too, which costs more than all its other collections of what is old.
 */
export function discard(text: Text): void {
  if (typeof text !== 'string' && text.buffer instanceof ArrayBuffer) text.buffer.transfer(0)
}

/** To compress a text of any length costs 30 us or more, as do three pages that are not written. */
const LEAST = 16 * 1024
/** The largest string there can be has 512 MB: what claims to be more is damaged. */
const MOST = 512 * 1024 * 1024
/** Most texts are unpacked in one piece. Put together from Node's own pieces of 16 KB, they take nearly twice the time. */
const PIECE = 256 * 1024

const FAST = { params: { [constants.ZSTD_c_compressionLevel]: 1 } }

/** A long text as bytes, of which a checksum is made and which are compressed without being copied again. */
export const packableOf = (text: Text): Text =>
  typeof text === 'string' && text.length >= LEAST ? Buffer.from(text) : text

export function pack(text: Text): Packed {
  const packable = packableOf(text)
  return typeof packable === 'string' ? packable : zstdCompressSync(packable, FAST)
}

/** Throws where the bytes are none of `pack`'s. */
export const unpack = (stored: unknown): Text =>
  stored instanceof Uint8Array
    ? zstdDecompressSync(stored, { maxOutputLength: MOST, chunkSize: PIECE })
    : String(stored)
