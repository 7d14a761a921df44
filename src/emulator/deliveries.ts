/** Metrics reported of deliveries. The deliveries themselves are not emulated, so any id is taken. */
import { isObject, plainText } from '../core/json.ts'
import { type Item, timestampOf } from './item.ts'
import type { State } from './state.ts'

/** Enough for any test; forgetting goes in tenths. */
const MOST_METRICS = 100_000

export function recordMetric(state: State, item: Item, at: number): void {
  if (state.metrics.length >= MOST_METRICS) state.metrics.splice(0, MOST_METRICS / 10)
  const { identifiers, name } = item.value
  state.metrics.push({
    deliveryId: isObject(identifiers) ? plainText(identifiers.id) : '',
    metric: plainText(name),
    timestamp: timestampOf(item, at),
    text: item.text,
  })
}
