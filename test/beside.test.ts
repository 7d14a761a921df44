/** Most of the tests beside the code, in one process. Files are run by the order of their names, and this one is long. */
import { beside, load } from './processes.ts'

await load(beside)
