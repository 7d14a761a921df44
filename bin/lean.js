// A gateway that drains a backlog holds 290 MB by the defaults of V8 and malloc, and 240 with these (bench/README.md), neither of
// which a process can change once it runs: the young generation is laid out before its first line, and so are malloc's arenas.
const SWITCH = '--max-semi-space-size'
export const SWITCHES = [`${SWITCH}=16`]
export const ENVIRONMENT = { MALLOC_ARENA_MAX: '2' }

/**
 * Puts the same program with these in the place of this process, which costs 40 ms: the same id, streams and arguments. What somebody
 * has set stays. Nothing where the system cannot do it, nor under a parent that holds a channel to this process, as Node's
 * `fork` and process managers do: that would be lost.
 */
export function beginLean() {
  const { execPath, execArgv, argv, env } = process
  const isSet = [...execArgv, env.NODE_OPTIONS ?? ''].some((said) =>
    said.replaceAll('_', '-').includes(SWITCH),
  )
  if (isSet || process.channel !== undefined || process.platform === 'win32' || process.execve === undefined)
    return
  process.execve(execPath, [execPath, ...execArgv, ...SWITCHES, ...argv.slice(1)], { ...ENVIRONMENT, ...env })
}
