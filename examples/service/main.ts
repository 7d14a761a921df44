// The direct client, against a gateway. Start `npm start` first; `npm run build` makes what `sluice/client` names.
import { CustomerIOService, SluiceError, withCorrelationId } from 'sluice/client'

const {
  SLUICE_URL = 'http://127.0.0.1:8246',
  CUSTOMERIO_SITE_ID = 'dev',
  CUSTOMERIO_API_KEY = 'dev',
} = process.env

await using customerio = new CustomerIOService({
  siteId: CUSTOMERIO_SITE_ID,
  apiKey: CUSTOMERIO_API_KEY,
  gateway: SLUICE_URL, // leave it out to talk to Customer.io itself, in `region: 'us'` or `'eu'`
  environment: 'development',
})

customerio.on('track:success', ({ request, ms }) => console.log(`${request.name} in ${Math.round(ms)} ms`))
customerio.on('track:error', ({ correlationId, error }) => console.error(correlationId, error?.code))

await withCorrelationId('request-7', async () => {
  await customerio.identify('42', { email: 'ada@example.com', plan: 'pro' })
  const { id, operationId } = await customerio.track('42', 'order_completed', { total: 19.9 })
  console.log(`event ${id}; its story: npx sluice trace ${operationId}`)
})

try {
  await customerio.track('42', 'x'.repeat(101))
} catch (error) {
  if (error instanceof SluiceError) console.log(`${error.code}: ${error.message}`)
}
