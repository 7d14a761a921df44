/** The Authorization header, and secrets compared so that the time taken tells nothing about them. */
import { hash, timingSafeEqual } from 'node:crypto'

export interface Basic {
  readonly user: string
  readonly password: string
}

/** Both alphabets of base64 (RFC 4648, 4 and 5): the official Go client uses the URL-safe one. */
const BASIC = /^basic +([A-Za-z0-9+/_-]+={0,2})$/i
const BEARER = /^bearer +([\x21-\x7e]+)$/i

/** RFC 7617. Undefined when the header is missing or is not of this scheme. */
export function readBasic(header: string | undefined): Basic | undefined {
  const encoded = header === undefined ? undefined : BASIC.exec(header)?.[1]
  if (encoded === undefined) return undefined
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  if (colon < 0) return undefined
  return { user: text.slice(0, colon), password: text.slice(colon + 1) }
}

/** RFC 6750, 2.1. */
export function readBearer(header: string | undefined): string | undefined {
  return header === undefined ? undefined : BEARER.exec(header)?.[1]
}

export type Digest = Uint8Array

/** What is kept of a secret, so that comparing needs no more than digests of one length. */
export const digest = (secret: string): Digest => hash('sha256', secret, 'buffer')

export const sameSecret = (one: Digest, other: Digest): boolean => timingSafeEqual(one, other)
