/** Colour, decided for each stream by itself, since one may be a terminal and the other a file. */
import { randomUUID } from 'node:crypto'
import { styleText } from 'node:util'
import type { Environment } from '../config.ts'
import type { OutStream } from './host.ts'

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'blue' | 'cyan' | 'magenta'
export type Paint = (style: Style, text: string) => string

/**
 * Whether the stream takes colour: what --color says; else FORCE_COLOR and NO_COLOR (force-color.org, no-color.org;
 * Node, too, lets the first win); else whether it is a terminal that can.
 */
export function hasColour(stream: OutStream, choice: string, env: Environment): boolean {
  if (choice !== 'auto') return choice === 'always'
  if (env.FORCE_COLOR) return env.FORCE_COLOR !== '0'
  if (env.NO_COLOR || env.TERM === 'dumb') return false
  return stream.isTTY === true
}

/**
 * Stands for the escape character of our own colours until they are written (visible.ts). It is drawn anew for every process,
 * so that text of others cannot have it, and no colours either.
 */
export const OWN_ESCAPE = randomUUID()

export const painter =
  (coloured: boolean): Paint =>
  (style, text) => {
    if (!coloured) return text
    const [open, close] = styleText(style, ' ', { validateStream: false })
      .replaceAll('\u001b', OWN_ESCAPE)
      .split(' ')
    return `${open}${text}${close}`
  }
