#!/usr/bin/env node
// Plain JavaScript on purpose: it must parse on a Node that is too old to run the rest, and say so.
import { existsSync } from 'node:fs'
import { beginLean } from './lean.js'

const major = Number(process.versions.node.split('.')[0])
if (major < 24) {
  process.stderr.write(
    `sluice needs Node 24 or newer (this is ${process.version}): run it as "npx sluice" or "npm start" after "npm ci", which bring their own.\n`,
  )
  process.exitCode = 2
} else {
  if (process.argv[2] === 'serve') beginLean()
  const built = new URL('../dist/main.js', import.meta.url)
  const source = new URL('../src/main.ts', import.meta.url)
  await import(existsSync(source) ? source.href : built.href)
}
