/** `sluice config show`: every setting, its value and where it came from, secrets masked. */
import { shown, unknownVariables } from '../config.ts'
import { SETTING_NAMES, settingOf, twinsOf } from '../settings.ts'
import type { Job } from './job.ts'
import { table } from './output.ts'
import type { CommandSpec } from './spec.ts'

export const config: CommandSpec = {
  name: 'config',
  group: 'Operate:',
  summary: 'The settings.',
  examples: [['sluice config show', 'every setting and its value']],
  commands: [
    {
      name: 'show',
      summary: 'Every setting and its value. Secrets are masked.',
      about:
        'Precedence: flag, environment, sluice.yaml, default. Every secret may also lie in a file: <VARIABLE>_FILE.',
      options: [{ flags: '--origin', about: 'also where each value came from' }],
      settings: SETTING_NAMES.filter((name) => settingOf(name).flag !== undefined),
      examples: [
        ['sluice config show', 'every setting'],
        ['sluice config show --origin', 'with the flag, variable or line that set it'],
        ['sluice config show --json', 'for programs'],
      ],
      run: show,
    },
  ],
}

async function show(job: Job): Promise<void> {
  const { config: values, origins } = await job.load()
  const rows = SETTING_NAMES.map((name) => ({
    name: settingOf(name).yaml,
    env: twinsOf(name)[0] ?? '',
    value: shown(name, values),
    origin: origins[name],
    secret: settingOf(name).secret === true,
    about: settingOf(name).about,
  }))
  const { output } = job
  const { paint } = output
  output.list(rows, () =>
    table([
      job.flag('origin')
        ? ['SETTING', 'ENVIRONMENT', 'VALUE', 'ORIGIN']
        : ['SETTING', 'ENVIRONMENT', 'VALUE'],
      ...rows.map(({ name, env, value, origin }) => {
        const text = value || paint('dim', 'unset')
        return job.flag('origin') ? [name, env, text, paint('dim', origin)] : [name, env, text]
      }),
    ]),
  )
  warnOfUnknown(job)
}

/** A misspelt variable does nothing at all, which is hard to see. */
export function warnOfUnknown({ output, host }: Job): void {
  for (const { name, near } of unknownVariables(host.env))
    output.note(`warning  ${name} is no setting of Sluice.${near ? ` Did you mean ${near}?` : ''}`)
}
