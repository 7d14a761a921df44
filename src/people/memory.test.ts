import { testPeople } from './conformance.ts'
import { openMemoryPeople } from './memory.ts'

testPeople({ name: 'memory', persistent: false, open: () => openMemoryPeople() })
