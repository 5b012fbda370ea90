-- 0002_transfer.sql - who signs, what was revoked, several sites, receipts, who did what under which change.

-- DURABLE -----------------------------------------------------------------------------------------

-- Site: keys and certificate authorities pinned by the operator, or introduced by a bundle that a
-- pinned key signed.
CREATE TABLE trust_2 (
  trust_id      INTEGER PRIMARY KEY,
  key_id        BLOB NOT NULL CHECK (length(key_id) = 32),  -- SHA-256 of the SubjectPublicKeyInfo
  kind          INTEGER NOT NULL DEFAULT 0 CHECK (kind IN (0, 1)),  -- 0 Ed25519 key, 1 X.509 authority
  subject       TEXT NOT NULL DEFAULT '',  -- of an authority: the common name its certificates must have; '' any
  name          TEXT NOT NULL,
  role          TEXT NOT NULL CHECK (role IN ('exporter', 'reviewer', 'receiver')),
  pem           TEXT NOT NULL,
  added         TEXT NOT NULL,
  introduced    TEXT NOT NULL DEFAULT '',  -- the bundle that brought it; '' pinned by hand
  last_sequence INTEGER,                   -- revoked: signs bundles up to here only; NULL: not revoked
  UNIQUE (key_id, subject)
) STRICT;
INSERT INTO trust_2 (key_id, name, role, pem, added) SELECT key_id, name, role, pem, added FROM trust;
DROP TABLE trust;
ALTER TABLE trust_2 RENAME TO trust;
-- Site: how many distinct keys of a role must have signed a bundle.
CREATE TABLE trust_policy (
  role      TEXT PRIMARY KEY CHECK (role IN ('exporter', 'reviewer', 'receiver')),
  threshold INTEGER NOT NULL CHECK (threshold >= 1)
) STRICT, WITHOUT ROWID;
INSERT INTO trust_policy VALUES ('exporter', 1);

-- What was done by whom, seen by whom, under which change, after which scan. form says how hash is made.
ALTER TABLE ledger ADD COLUMN form INTEGER NOT NULL DEFAULT 1;
ALTER TABLE ledger ADD COLUMN witness TEXT NOT NULL DEFAULT '';
ALTER TABLE ledger ADD COLUMN change TEXT NOT NULL DEFAULT '';
ALTER TABLE ledger ADD COLUMN scan_name TEXT NOT NULL DEFAULT '';
ALTER TABLE ledger ADD COLUMN scan_sha256 BLOB;  -- of the scan report; NULL when none was given

-- Hub.
ALTER TABLE site ADD COLUMN jump_limit INTEGER NOT NULL DEFAULT 24;  -- signed into its bundles

-- Positions, receipts, many sites. Site: the limit that the import's manifest sets for the next jump.
ALTER TABLE import ADD COLUMN jump_limit INTEGER NOT NULL DEFAULT 24;
-- Hub.
ALTER TABLE site ADD COLUMN newest_entry INTEGER NOT NULL DEFAULT 0;  -- of the site's ledger, in the newest receipt taken
ALTER TABLE site ADD COLUMN complete INTEGER NOT NULL DEFAULT 0;      -- newest sequence acknowledged with all its files
ALTER TABLE site ADD COLUMN content_owed INTEGER NOT NULL DEFAULT 0;  -- files the site lacks, by its newest receipt
ALTER TABLE site ADD COLUMN kept_from INTEGER NOT NULL DEFAULT 0;     -- site_state tells states from this sequence on
ALTER TABLE site ADD COLUMN numbers_used INTEGER NOT NULL DEFAULT 0;  -- by a hub before this one: the next bundle is numbered after
ALTER TABLE site ADD COLUMN code_secret TEXT NOT NULL DEFAULT '';     -- of its telephone codes, hex; '' none
ALTER TABLE export ADD COLUMN content_holes INTEGER NOT NULL DEFAULT 0;  -- files its manifest declares as missing
UPDATE site SET complete = acknowledged, kept_from = max(0, acknowledged - 12);
-- Hub: sites that a site's bundles may be relayed to.
CREATE TABLE site_child (
  site_id INTEGER NOT NULL REFERENCES site ON DELETE CASCADE,
  code    TEXT NOT NULL,
  PRIMARY KEY (site_id, code)
) STRICT, WITHOUT ROWID;
-- Hub: every receipt taken, as it came.
CREATE TABLE receipt (
  receipt_id   INTEGER PRIMARY KEY,
  site_id      INTEGER NOT NULL REFERENCES site ON DELETE CASCADE,
  taken        TEXT NOT NULL,     -- UTC
  kind         TEXT NOT NULL CHECK (kind IN ('file', 'code', 'state')),
  sequence     INTEGER NOT NULL,
  entry        INTEGER NOT NULL,  -- of the site's ledger; 0: a code says none
  content_owed INTEGER NOT NULL,
  text         TEXT NOT NULL      -- byte for byte; of a state file its head
) STRICT;
-- When a revision came, and with which bundle a file did.
ALTER TABLE revision ADD COLUMN arrived INTEGER NOT NULL DEFAULT 0;  -- sync_id that brought it; 0: before this column
ALTER TABLE undo ADD COLUMN arrived INTEGER;                         -- as in revision
ALTER TABLE stored_file ADD COLUMN sequence INTEGER;                 -- site: the bundle that brought it; NULL: added by hand
-- Site: where a missing file can be had.
ALTER TABLE hole ADD COLUMN bundle TEXT NOT NULL DEFAULT '';  -- the one that carries it; '' the hub has not got it either

DROP VIEW v_ledger;
CREATE VIEW v_ledger AS
SELECT entry, time, operator, kind, site, sequence, lower(hex(subject)) AS subject, detail, lower(hex(hash)) AS hash,
       form, witness, change, scan_name, lower(hex(scan_sha256)) AS scan_sha256, lower(hex(previous)) AS previous
  FROM ledger;

-- Site: revocation lists of pinned authorities.
CREATE TABLE trust_crl (
  key_id BLOB PRIMARY KEY CHECK (length(key_id) = 32),  -- of the authority
  pem    TEXT NOT NULL,
  added  TEXT NOT NULL
) STRICT, WITHOUT ROWID;
-- Site: revocations of keys that were not pinned when they came; they hold when such a key is met later.
CREATE TABLE trust_revoked (
  key_id        BLOB PRIMARY KEY CHECK (length(key_id) = 32),
  last_sequence INTEGER NOT NULL,
  introduced    TEXT NOT NULL            -- the bundle that brought it
) STRICT, WITHOUT ROWID;
-- Hub: keys that took over from others; every bundle introduces them.
CREATE TABLE key_successor (
  name        TEXT PRIMARY KEY,
  predecessor TEXT NOT NULL,
  role        TEXT NOT NULL CHECK (role IN ('exporter', 'reviewer')),
  spki        BLOB NOT NULL UNIQUE CHECK (length(spki) = 44),
  added       TEXT NOT NULL
) STRICT, WITHOUT ROWID;
-- Hub: keys taken back; every bundle says so.
CREATE TABLE key_revoked (
  key_id BLOB PRIMARY KEY CHECK (length(key_id) = 32),
  name   TEXT NOT NULL UNIQUE,
  added  TEXT NOT NULL
) STRICT, WITHOUT ROWID;
-- Hub: up to which of a site's bundles a revoked key counts; a site without a row: none.
CREATE TABLE key_revoked_site (
  key_id        BLOB NOT NULL REFERENCES key_revoked,
  site_id       INTEGER NOT NULL REFERENCES site ON DELETE CASCADE,
  last_sequence INTEGER NOT NULL,
  PRIMARY KEY (key_id, site_id)
) STRICT, WITHOUT ROWID;
