/**
 * Certificates for servers of this machine, good and bad, made as they are needed: X.509 v3 in DER, signed with ECDSA by an
 * authority that this process trusts for the length of a proof.
 */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'

export interface Identity {
  /** PEM. */
  readonly key: string
  readonly cert: string
}

export interface Authority {
  readonly cert: string
  issue(wanted: Wanted): Identity
}

export interface Wanted {
  /** Days from now until it ends; negative: it has ended. */
  readonly days: number
  /** Whom it is for: 127.0.0.1, or somebody else. */
  readonly forLoopback: boolean
}

/** One DER value: tag, length, content. */
function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}

const sequence = (...parts: readonly Uint8Array[]) => der(0x30, ...parts)
const oid = (hex: string) => der(0x06, Buffer.from(hex, 'hex'))
const bits = (bytes: Uint8Array) => der(0x03, Buffer.of(0), bytes)
const time = (at: number) => {
  const digits = new Date(at).toISOString().replace(/[-:T]|\.\d+/g, '')
  return der(0x17, Buffer.from(digits.slice(2))) // UTCTime has two digits of the year
}

/** commonName, ecdsa-with-SHA256, basicConstraints, subjectAltName. */
const COMMON_NAME = oid('550403')
const ECDSA_SHA256 = sequence(oid('2a8648ce3d040302'))
const BASIC_CONSTRAINTS = oid('551d13')
const ALT_NAME = oid('551d11')
const TRUE = der(0x01, Buffer.of(0xff))

const nameOf = (text: string) => sequence(der(0x31, sequence(COMMON_NAME, der(0x0c, Buffer.from(text)))))
const isAuthority = sequence(BASIC_CONSTRAINTS, TRUE, der(0x04, sequence(TRUE)))
/** An IP address is tag 7, a DNS name tag 2 of GeneralName. */
const altName = (forLoopback: boolean) =>
  sequence(
    ALT_NAME,
    der(
      0x04,
      sequence(forLoopback ? der(0x87, Buffer.of(127, 0, 0, 1)) : der(0x82, Buffer.from('elsewhere.test'))),
    ),
  )

const DAY_MS = 86_400_000
let serials = 0

interface Body {
  readonly subject: string
  readonly publicKey: KeyObject
  readonly signer: KeyObject
  readonly from: number
  readonly to: number
  readonly extension: Uint8Array
}

const ISSUER = 'Sluice proof authority'

function certificate({ subject, publicKey, signer, from, to, extension }: Body): string {
  serials += 1
  const body = sequence(
    der(0xa0, der(0x02, Buffer.of(2))), // version 3
    der(0x02, Buffer.of(serials)),
    ECDSA_SHA256,
    nameOf(ISSUER),
    sequence(time(from), time(to)),
    nameOf(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(extension)),
  )
  const whole = sequence(body, ECDSA_SHA256, bits(sign('sha256', body, signer)))
  return `-----BEGIN CERTIFICATE-----\n${whole.toString('base64')}\n-----END CERTIFICATE-----\n`
}

/** `now` in milliseconds since 1970. */
export function makeAuthority(now: number): Authority {
  const own = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const from = now - 30 * DAY_MS
  const common = { signer: own.privateKey, from }
  const to = now + DAY_MS
  const ca = { ...common, subject: ISSUER, publicKey: own.publicKey, to, extension: isAuthority }
  return {
    cert: certificate(ca),
    issue: ({ days, forLoopback }) => {
      const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const leaf = {
        subject: 'a server',
        publicKey,
        to: now + days * DAY_MS,
        extension: altName(forLoopback),
      }
      return {
        key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
        cert: certificate({ ...common, ...leaf }),
      }
    },
  }
}
