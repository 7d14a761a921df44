/**
 * Customer.io's documented limits, in bytes (OpenAPI of the Track API, August 2026). "KB" is read as 1000 bytes where we
 * must stay below, and as 1024 where we judge what others send: between the two only Customer.io can decide.
 */
export const LIMITS = {
  /** A v2 batch in all. */
  batchBytes: 500_000,
  /** The same of what others send. */
  takenBatchBytes: 500 * 1024,
  /** One item of a v2 batch, or the body of a v2 entity. */
  itemBytes: 32 * 1024,
  /** Customer.io names no limit of items; RudderStack sends 1000, so that much is known to work. */
  batchItems: 1000,
  /** Attributes of one identify. */
  attributes: 300,
  /** An identifier of a person or an object, or the name of an attribute. */
  nameBytes: 150,
  /** The value of an attribute. */
  valueBytes: 1000,
  /** All attributes of an object or a relationship. */
  objectBytes: 100 * 1024,
  eventNameBytes: 100,
  eventDataBytes: 100_000,
  /** People in one change of a segment. */
  segmentIds: 1000,
  /** Requests a second of Track v1 and v2 together; "not strictly enforced", beyond it data may be dropped. */
  trackPerSecond: 1000,
} as const
