export const SWITCHES: readonly string[]
export const ENVIRONMENT: Readonly<Record<string, string>>
export function beginLean(): void
