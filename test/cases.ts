/** How many cases a test tries: `few` where somebody waits for it, all with `SLUICE_TESTS=whole npm test`, as CI runs it. */
export const cases = (few: number, all: number): number => (process.env.SLUICE_TESTS === 'whole' ? all : few)
