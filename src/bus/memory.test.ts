import { systemClock } from '../core/clock.ts'
import { busConformance } from './conformance.ts'
import { MEMORY_FEATURES, openMemoryBus } from './memory.ts'

busConformance('memory', {
  features: MEMORY_FEATURES,
  lanes: 16,
  open: async () => openMemoryBus({ clock: systemClock }),
  openSmall: async (records) => ({
    bus: openMemoryBus({ clock: systemClock, capacity: records }),
    makeRoom: async () => {}, // what is settled makes room by itself
  }),
})
