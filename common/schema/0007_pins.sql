-- 0007_pins.sql - single updates beside the profiles, and bundles outside the sequence.

-- DURABLE -----------------------------------------------------------------------------------------

-- Hub: updates that travel to every site whatever its profile, with all they need. An id that is not held waits.
CREATE TABLE pin (
  update_id BLOB PRIMARY KEY CHECK (length(update_id) = 16),
  reason    TEXT NOT NULL CHECK (reason IN ('catalogue', 'third-party', 'operator')),
  added     TEXT NOT NULL,  -- UTC
  note      TEXT NOT NULL   -- for people; '' none
) STRICT, WITHOUT ROWID;

-- Hub: the urgent bundles made for each site, beside its sequence.
CREATE TABLE urgent_export (
  site_id         INTEGER NOT NULL REFERENCES site ON DELETE CASCADE,
  number          INTEGER NOT NULL,  -- of the urgent bundle: 1, 2, 3 ...
  sequence        INTEGER NOT NULL,  -- of the ordinary bundle that takes its place
  exported        TEXT NOT NULL,     -- UTC
  created         TEXT NOT NULL,     -- the catalogue's time, as in the manifest
  state_digest    BLOB NOT NULL,     -- of its own records
  manifest_sha256 BLOB NOT NULL,
  volumes         INTEGER NOT NULL,
  bytes           INTEGER NOT NULL,
  records         INTEGER NOT NULL,
  files           INTEGER NOT NULL,
  PRIMARY KEY (site_id, number)
) STRICT, WITHOUT ROWID;

-- Hub: the highest number of an urgent bundle that the site says it has ever imported; the next one is numbered after it.
ALTER TABLE site ADD COLUMN urgent_taken INTEGER NOT NULL DEFAULT 0;

-- Site: the urgent bundles imported, the newest last. An undone one keeps its row. The newest that is not undone holds
-- until an ordinary bundle with its sequence, or a later one, is imported.
CREATE TABLE urgent (
  urgent_id       INTEGER PRIMARY KEY,
  number          INTEGER NOT NULL,
  sequence        INTEGER NOT NULL,
  bundle          TEXT NOT NULL,
  hub             TEXT NOT NULL,
  created         TEXT NOT NULL,
  imported        TEXT NOT NULL,     -- UTC
  manifest_sha256 BLOB NOT NULL,
  state_digest    BLOB NOT NULL,     -- of its own records
  undone          INTEGER NOT NULL DEFAULT 0
) STRICT;
-- Site: the records an urgent bundle brought, as they came.
CREATE TABLE urgent_record (
  urgent_id INTEGER NOT NULL REFERENCES urgent,
  update_id BLOB NOT NULL,
  revision  INTEGER NOT NULL,
  origin    INTEGER NOT NULL,
  raw_bytes INTEGER NOT NULL,
  packed    BLOB NOT NULL,         -- zstd, without a dictionary
  urls      TEXT NOT NULL,
  arrived   INTEGER NOT NULL,      -- as in revision
  PRIMARY KEY (urgent_id, update_id, revision)
) STRICT, WITHOUT ROWID;
-- Site: rows of revision that an urgent bundle brought and no ordinary one. They are held like all others, but are no
-- part of the state digest, so the next ordinary bundle fits.
CREATE TABLE overlay (
  rev_id INTEGER PRIMARY KEY
) STRICT;
