import { readFileSync } from 'node:fs'
import { isObject, parseJson } from '../core/json.ts'

/** The version of this package. package.json lies two folders up from both src/cli and dist/cli. */
export function version(): string {
  const manifest = parseJson(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  return isObject(manifest) ? String(manifest.version) : ''
}
