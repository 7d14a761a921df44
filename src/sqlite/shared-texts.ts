/**
 * Texts on their way to another thread, as bytes in memory that both have. To post a text, V8 copies it into memory that is
 * new each time and has to be mapped page by page: 0.4 us for 150 characters of many, where to write them here takes 0.03.
 */
const SHORT = 16 * 1024
/** A commit of the log has 8 MB of values and 16,384 records of 60 bytes beside them at the most. What does not fit is posted. */
const SIZE = 16 * 1024 * 1024

/** Where a text lies, in bytes. Plain data. */
export interface Span {
  readonly from: number
  readonly to: number
}

export class SharedTexts {
  /** The system gives it only as far as it was written to. */
  readonly memory = new SharedArrayBuffer(SIZE)
  readonly #bytes = Buffer.from(this.memory)
  #end = 0

  /** Returns what it is given where that is short, or no text, or has no room. A text must be well-formed. */
  put<Other extends Uint8Array>(text: string | Other): string | Other | Span {
    if (typeof text !== 'string' || text.length < SHORT || this.#end + text.length * 3 > SIZE) return text
    const from = this.#end
    this.#end += this.#bytes.write(text, from)
    return { from, to: this.#end }
  }

  /** Nobody reads any more what was put. */
  clear(): void {
    this.#end = 0
  }
}

/** On the other thread: the bytes of what was put, until it is cleared; or what was given. */
export const textFrom = <Other extends string | Uint8Array>(
  memory: SharedArrayBuffer,
  text: Other | Span,
): Other | Buffer =>
  typeof text === 'object' && 'from' in text && 'to' in text
    ? Buffer.from(memory, text.from, text.to - text.from)
    : (text as Other) // no span
