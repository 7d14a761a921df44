/**
 * The menu of faults. Every run draws which of them it has and how hard each is (a swarm): a run with everything at once
 * explores little, since the loudest fault drowns the rest.
 */
import type { Chance } from './chance.ts'

interface Dish {
  readonly about: string
  /** Between these the rate is drawn. Odds are shares of calls, speech of what is said; moments are how many a minute. */
  readonly rate: readonly [low: number, high: number]
  readonly in: 'odds' | 'speech' | 'moments' | 'knobs'
}

export const FAULTS = {
  'request lost': { about: 'a request of an application never arrives', rate: [0.01, 0.2], in: 'odds' },
  'answer lost': { about: 'the answer to an application never arrives', rate: [0.01, 0.3], in: 'odds' },
  'said twice': { about: 'an application sends a request twice at once', rate: [0.02, 0.4], in: 'odds' },
  'slow in': { about: 'requests of applications take seconds', rate: [0.05, 0.5], in: 'odds' },
  'reset before': {
    about: 'the connection breaks before Customer.io has the call',
    rate: [0.02, 0.4],
    in: 'odds',
  },
  'cut after': {
    about: 'the connection breaks after Customer.io took the call',
    rate: [0.02, 0.4],
    in: 'odds',
  },
  'no answer': { about: 'Customer.io took the call and never answers', rate: [0.01, 0.1], in: 'odds' },
  'slow out': { about: 'Customer.io answers after seconds', rate: [0.05, 0.5], in: 'odds' },
  throttled: { about: '429 at random, some with Retry-After', rate: [0.02, 0.4], in: 'odds' },
  failing: { about: '5xx at random, some with Retry-After', rate: [0.02, 0.5], in: 'odds' },
  garbage: { about: '200 with a page of HTML, and nothing taken', rate: [0.01, 0.2], in: 'odds' },
  'unnamed 207': { about: 'a 207 that names no item, though all were taken', rate: [0.01, 0.2], in: 'odds' },
  'bad item': {
    about: 'applications say what Customer.io refuses item by item',
    rate: [0.01, 0.15],
    in: 'speech',
  },
  poison: {
    about: 'applications say what makes Customer.io refuse the whole call',
    rate: [0.01, 0.1],
    in: 'odds',
  },
  'hot person': { about: 'most is said of one person', rate: [0.5, 0.95], in: 'speech' },
  crash: { about: 'the process dies at any moment', rate: [2, 30], in: 'moments' },
  deploy: { about: 'the process is stopped and started again', rate: [2, 12], in: 'moments' },
  pause: { about: 'the process stands still for up to a minute', rate: [2, 12], in: 'moments' },
  'clock jump': { about: 'the wall clock jumps by up to a month, either way', rate: [2, 12], in: 'moments' },
  'disk full': { about: 'the disk is full for a while', rate: [3, 15], in: 'moments' },
  'disk error': { about: 'a commit fails, before or after it is stored', rate: [2, 10], in: 'moments' },
  outage: { about: 'Customer.io is gone for seconds up to hours', rate: [2, 10], in: 'moments' },
  'hidden limit': {
    about: 'Customer.io takes only so many calls a second, and changes its mind',
    rate: [4, 30],
    in: 'moments',
  },
  credentials: { about: 'the key was rotated: 401 until it is set right', rate: [1, 6], in: 'moments' },
  operator: { about: 'dead letters are replayed or dropped by hand', rate: [6, 60], in: 'moments' },
  'small batches': {
    about: 'Customer.io refuses calls of more than a few items with 413',
    rate: [1, 8],
    in: 'knobs',
  },
  'tiny batches': { about: 'batches of one to three items', rate: [1, 3], in: 'knobs' },
  'tiny window': { about: 'a handful of operations held in memory', rate: [1, 12], in: 'knobs' },
  'no linger': { about: 'no batch waits for company', rate: [0, 0], in: 'knobs' },
  'slow disk': { about: 'a commit takes up to so many milliseconds', rate: [10, 400], in: 'knobs' },
  'few people': { about: 'everything is said of two people', rate: [2, 3], in: 'knobs' },
  'one lane': { about: 'the log has one lane', rate: [1, 1], in: 'knobs' },
  'low ceiling': { about: 'a few calls a second, by configuration', rate: [2, 20], in: 'knobs' },
  http: { about: 'applications come through the real HTTP routes', rate: [1, 1], in: 'knobs' },
} as const satisfies Record<string, Dish>

export type FaultName = keyof typeof FAULTS
export const FAULT_NAMES = Object.keys(FAULTS) as FaultName[] // the keys of a literal

/** What a run has of each fault; what is not in it does not happen. */
export type Menu = ReadonlyMap<FaultName, number>

/** Each fault is in one of four menus, HTTP in one of sixteen, since it costs as much as the rest of a run. */
const SHARE = 0.25
const SHARE_OF_HTTP = 1 / 16

/** Some defects take several faults at once, which few menus have. Half of the runs have a theme, and little beside it. */
const THEMES: readonly [readonly FaultName[], ...(readonly FaultName[])[]] = [
  ['few people', 'failing', 'throttled', 'tiny batches', 'no linger'],
  ['few people', 'crash', 'cut after', 'slow disk'],
  ['bad item', 'operator', 'disk full'],
  ['bad item', 'operator', 'crash', 'slow disk'],
  ['disk full', 'crash', 'slow out', 'hot person'],
  ['small batches', 'poison', 'bad item', 'unnamed 207', 'few people'],
  ['tiny batches', 'reset before', 'failing', 'no linger', 'disk error'],
  ['answer lost', 'said twice', 'crash', 'disk error'],
]

export function drawMenu(chance: Chance): Menu {
  const theme = chance.hit(0.5) ? chance.pick(THEMES) : []
  const share = theme.length > 0 ? SHARE / 4 : SHARE
  const menu = new Map<FaultName, number>()
  for (const name of FAULT_NAMES) {
    const isDrawn = chance.hit(name === 'http' ? SHARE_OF_HTTP : share)
    const [low, high] = FAULTS[name].rate
    const rate = chance.between(low, high)
    if (isDrawn || theme.includes(name)) menu.set(name, FAULTS[name].in === 'knobs' ? Math.round(rate) : rate)
  }
  return menu
}

/** Of these it is enough that they are in the menu. */
export const knobsOf = (menu: Menu): FaultName[] =>
  [...menu.keys()].filter((name) => FAULTS[name].in === 'knobs' || FAULTS[name].in === 'speech')

export const momentsOf = (menu: Menu): [FaultName, number][] =>
  [...menu].filter(([name]) => FAULTS[name].in === 'moments')
