// The official client, unmodified: only the address is another. Start `npm start` first.
import { TrackClient } from 'customerio-node'

const {
  SLUICE_URL = 'http://127.0.0.1:8246',
  CUSTOMERIO_SITE_ID = 'dev',
  CUSTOMERIO_API_KEY = 'dev',
} = process.env

const customerio = new TrackClient(CUSTOMERIO_SITE_ID, CUSTOMERIO_API_KEY, { url: `${SLUICE_URL}/api/v1` })

await customerio.identify('42', { email: 'ada@example.com', first_name: 'Ada' })
await customerio.track('42', { name: 'order_completed', data: { total: 19.9 } })
console.log('accepted durably; see it with: npx sluice emulator people id:42')
