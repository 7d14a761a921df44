/**
 * The tables of ledger.db, as steps: step n brings the file from version n to n + 1. A released step is never edited.
 *
 * Times are milliseconds since 1970. Headers, attempts and refusals are JSON text (sqlite-row.ts), since they are only
 * ever read whole; what is searched for has a column.
 */
export const MIGRATIONS: readonly string[] = [
  `
  -- One row for every operation that ended, in the order of ending (seq). The place is that of its first recording.
  CREATE TABLE entries (
    seq         INTEGER PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,
    key         TEXT NOT NULL,
    kind        TEXT NOT NULL,
    headers     TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    ended_at    INTEGER NOT NULL,
    topic       TEXT NOT NULL,
    lane        INTEGER NOT NULL,
    "offset"    INTEGER NOT NULL,
    outcome     TEXT NOT NULL,
    attempts    TEXT NOT NULL,
    into_id     TEXT,
    refusal     TEXT,
    replays     INTEGER NOT NULL DEFAULT 0
  );
  -- For trim. Without the dead, which stay and would have to be stepped over each time.
  CREATE INDEX entries_settled ON entries (ended_at) WHERE outcome <> 'dead';

  -- Further places at which a settled operation was met. Each is counted as a duplicate once.
  CREATE TABLE duplicates (
    id       TEXT NOT NULL,
    topic    TEXT NOT NULL,
    lane     INTEGER NOT NULL,
    "offset" INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    PRIMARY KEY (id, topic, lane, "offset")
  ) WITHOUT ROWID;
  CREATE INDEX duplicates_by_end ON duplicates (ended_at);

  -- What a dead entry has beside its row in entries. The value, which may have 32 KB, is last: SQLite reads a row from
  -- the front, so filters and groups do not touch it.
  CREATE TABLE letters (
    id       TEXT PRIMARY KEY,
    state    TEXT NOT NULL,
    key      TEXT NOT NULL,
    kind     TEXT NOT NULL,
    code     TEXT NOT NULL,
    reason   TEXT NOT NULL,
    group_id TEXT NOT NULL,
    ended_at INTEGER NOT NULL,
    value    TEXT NOT NULL
  );
  CREATE INDEX letters_by_state ON letters (state, id);
  CREATE INDEX letters_by_group ON letters (group_id, id);
  CREATE INDEX letters_by_key   ON letters (key, id);

  -- What clients said before: their own id, and the operation id it was given.
  CREATE TABLE clients (
    source       TEXT NOT NULL,
    client_id    TEXT NOT NULL,
    operation_id TEXT NOT NULL,
    at           INTEGER NOT NULL,
    PRIMARY KEY (source, client_id)
  ) WITHOUT ROWID;
  CREATE INDEX clients_by_time ON clients (at);

  -- Kept in the transaction that changes the rows, so that reading the figures costs six rows. Trim leaves them alone.
  CREATE TABLE counts (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
  ) WITHOUT ROWID;
  INSERT INTO counts VALUES
    ('delivered', 0), ('coalesced', 0), ('suppressed', 0), ('dead', 0), ('replaying', 0), ('duplicate', 0);
  `,
  `
  -- Operations that ended together, the dead apart: one row for all of them (sqlite-batch.ts). They have the numbers from
  -- seq on, in one order with those of entries.
  CREATE TABLE batches (
    seq      INTEGER PRIMARY KEY,
    count    INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    body     TEXT NOT NULL
  );
  CREATE INDEX batches_by_end ON batches (ended_at);

  -- Every operation that ended: the batch that it is in, or 0 where it has a row in entries. ULIDs sort by time, so that
  -- new ones fall side by side.
  CREATE TABLE ids (
    id    TEXT PRIMARY KEY,
    batch INTEGER NOT NULL
  ) WITHOUT ROWID;
  INSERT INTO ids SELECT id, 0 FROM entries;
  `,
  `
  -- How far into each lane anything has ended: beyond that nothing need be looked up after a crash.
  CREATE TABLE reached (
    topic    TEXT NOT NULL,
    lane     INTEGER NOT NULL,
    "offset" INTEGER NOT NULL,
    PRIMARY KEY (topic, lane)
  ) WITHOUT ROWID;
  -- Of what ended before: of a batch the highest offset of all its lanes, which is at or above that of each.
  INSERT INTO reached
    SELECT topic, lane, max("offset") FROM (
      SELECT topic, lane, "offset" FROM entries
      UNION ALL SELECT topic, lane, "offset" FROM duplicates
      UNION ALL
      SELECT topics.value, lanes.value, (SELECT max(value) FROM json_each(body, '$.offsets'))
      FROM batches, json_each(body, '$.topic.values') topics, json_each(body, '$.lanes') lanes
    ) GROUP BY topic, lane;
  `,
]
