/** `sluice trigger`: scenarios against a running gateway and its emulator. */
import { didYouMean } from '../core/closest.ts'
import { SluiceError } from '../core/errors.ts'
import type { Job } from './job.ts'
import { table } from './output.ts'
import { SCENARIOS, type Scenario } from './scenarios.ts'
import { CLIENT_SETTINGS, type CommandSpec, EMULATOR_SETTINGS } from './spec.ts'
import { openStage } from './stage.ts'

/** A backlog may take longer to drain than an answer to come. */
const DRAIN_MS = 120_000

export const trigger: CommandSpec = {
  name: 'trigger',
  group: 'Send:',
  summary: 'Play a scenario: a welcome, a burst, a poisoned batch, a rate limit, an outage.',
  about:
    'Made-up people, so only against an emulator. Exit code 1 if an event is lost, repeated or out of order.',
  args: [['[scenario]', SCENARIOS.map(({ name }) => name).join(', ')]],
  options: [
    { flags: '--list', about: 'what there is' },
    { flags: '--n <count>', about: 'how many events' },
    { flags: '--for <duration>', about: 'how long the fault of rate_limit or outage lasts' },
  ],
  settings: [...CLIENT_SETTINGS, ...EMULATOR_SETTINGS],
  examples: [
    ['sluice trigger welcome', 'one person, followed to the end'],
    ['sluice trigger outage --for 10s --n 5000', 'see a backlog rise and drain, and nothing lost'],
    ['sluice trigger --list', 'all scenarios'],
  ],
  run: async (job) =>
    job.flag('list') || job.args[0] === undefined ? list(job) : play(job, find(job.args[0])),
}

function list({ output }: Job): void {
  const rows = SCENARIOS.map(({ name, summary, n, forMs }) => ({ name, summary, n, for_s: forMs / 1000 }))
  output.list(rows, () => table(rows.map(({ name, summary }) => [output.paint('bold', name), summary])))
  output.note('Next: sluice trigger welcome')
}

function find(name: string): Scenario {
  const found = SCENARIOS.find((scenario) => scenario.name === name)
  if (found) return found
  const names = SCENARIOS.map((scenario) => scenario.name)
  const hint = didYouMean(name, names, `There are ${names.join(', ')}.`)
  throw new SluiceError('bad_usage', `There is no scenario "${name}".`, { hint })
}

/** Nothing lasts in it, and what is ignored would look like obeyed. */
function noFaultIn({ name }: Scenario): SluiceError {
  const lasting = SCENARIOS.filter(({ forMs }) => forMs > 0).map((scenario) => scenario.name)
  const hint = `Leave it out: "sluice trigger ${name}".`
  const message = `--for goes with ${lasting.join(' and ')}; in ${name} no fault lasts.`
  return new SluiceError('bad_usage', message, { hint })
}

async function play(job: Job, scenario: Scenario): Promise<void> {
  const forMs = job.duration('for')
  if (forMs !== undefined && scenario.forMs === 0) throw noFaultIn(scenario)
  const stage = await openStage(job, scenario.people)
  const result = await scenario.play(stage, {
    n: job.count('n', 1) ?? scenario.n,
    forMs: forMs ?? scenario.forMs,
    drainMs: job.duration('timeout') ?? DRAIN_MS,
  })
  const { output } = job
  if (output.json) output.document({ scenario: scenario.name, ...result })
  else
    for (const line of table(Object.entries(result).map(([name, figure]) => [name, String(figure)])))
      output.line(line)
}
