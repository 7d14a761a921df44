/** Colour, decided for each stream by itself, since one may be a terminal and the other a file. */
import { styleText } from 'node:util'
import type { Environment } from '../config.ts'
import type { OutStream } from './host.ts'

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'blue' | 'cyan' | 'magenta'
export type Paint = (style: Style, text: string) => string
export const COLOUR_CHOICES = ['auto', 'always', 'never'] as const

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

export const painter = (coloured: boolean): Paint =>
  coloured ? (style, text) => styleText(style, text, { validateStream: false }) : (_, text) => text
