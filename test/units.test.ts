/** Most of the tests beside the code, in one process. */
import { load, units } from './processes.ts'

await load(units)
