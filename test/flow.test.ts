/** All of test/flow, in one process. */
import { flow, load } from './processes.ts'

await load(flow)
