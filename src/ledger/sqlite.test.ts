import { ledgerConformance } from './conformance.ts'
import { openSqliteLedger } from './sqlite.ts'

ledgerConformance('SQLite', (directory) => openSqliteLedger({ directory }))
