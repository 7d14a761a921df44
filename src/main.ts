/** The executable: hands the words of the command line to cli/. */
import { run } from './cli/cli.ts'
import { processHost } from './cli/host.ts'

process.exitCode = await run(process.argv.slice(2), processHost())
