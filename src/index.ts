/** `sluice`: the gateway as a part of another program. */
export { type Config, type ConfigInput, type Loaded, loadConfig } from './config.ts'
export { ERRORS, type ErrorCode, isErrorCode, SluiceError } from './core/errors.ts'
export type { NoticeFields, NoticeName } from './core/notices.ts'
export { type Gateway, type GatewayOptions, startGateway } from './gateway.ts'
