-- 0005_sources.sql - the upstream servers a hub is synchronized from, what of them is wanted, and what of a
-- synchronization that was interrupted is there already.

-- DURABLE -----------------------------------------------------------------------------------------

CREATE TABLE source (
  source_id         INTEGER PRIMARY KEY,
  url               TEXT NOT NULL UNIQUE,     -- scheme://host[:port], lower case
  account_name      TEXT NOT NULL,            -- what this hub calls itself there
  account_id        BLOB NOT NULL CHECK (length(account_id) = 16),  -- made by chance once
  ca_file           TEXT NOT NULL,            -- '' the system's authorities
  proxy             TEXT NOT NULL,            -- '' what the environment says
  replica           INTEGER NOT NULL CHECK (replica IN (0, 1)),     -- approvals are taken over too
  config_anchor     TEXT NOT NULL,            -- up to where it is known, in the server's words; '' not at all
  update_anchor     TEXT NOT NULL,
  deployment_anchor TEXT NOT NULL,
  protocol          TEXT NOT NULL,            -- what the server said last
  catalogue_only    INTEGER NOT NULL,         -- it has no content
  lazy              INTEGER NOT NULL          -- it has the content of approved updates
) STRICT;
-- What of a server is wanted.
CREATE TABLE source_choice (
  source_id  INTEGER NOT NULL REFERENCES source ON DELETE CASCADE,
  kind       INTEGER NOT NULL CHECK (kind IN (0, 1, 2)),  -- 0 product, 1 classification, 2 language
  value      TEXT NOT NULL,                   -- GUID in lower case, or number of a language
  is_covered INTEGER NOT NULL CHECK (is_covered IN (0, 1)),  -- update_anchor holds for it too
  PRIMARY KEY (source_id, kind, value)
) STRICT, WITHOUT ROWID;
-- Languages a server offers.
CREATE TABLE source_language (
  source_id   INTEGER NOT NULL REFERENCES source ON DELETE CASCADE,
  language_id INTEGER NOT NULL,
  tag         TEXT NOT NULL,
  name        TEXT NOT NULL,
  is_enabled  INTEGER NOT NULL,
  PRIMARY KEY (source_id, language_id)
) STRICT, WITHOUT ROWID;
-- Revisions a server would not give; every synchronization asks for them again.
CREATE TABLE source_missing (
  source_id INTEGER NOT NULL REFERENCES source ON DELETE CASCADE,
  update_id BLOB NOT NULL CHECK (length(update_id) = 16),
  revision  INTEGER NOT NULL,
  reason    TEXT NOT NULL,
  since     TEXT NOT NULL,                    -- UTC
  PRIMARY KEY (source_id, update_id, revision)
) STRICT, WITHOUT ROWID;

-- A synchronization under way: gone when it has come to its end.
CREATE TABLE source_run (
  source_id     INTEGER PRIMARY KEY REFERENCES source ON DELETE CASCADE,
  is_full       INTEGER NOT NULL,
  choice        TEXT NOT NULL,                -- what was chosen when updates were listed, a line each
  config_anchor TEXT,                         -- of the listing; NULL: not listed yet
  update_anchor TEXT
) STRICT;
CREATE TABLE source_pending (
  pending_id INTEGER PRIMARY KEY,             -- in the order of the listing
  source_id  INTEGER NOT NULL,
  update_id  BLOB NOT NULL CHECK (length(update_id) = 16),
  revision   INTEGER NOT NULL,
  phase      INTEGER NOT NULL CHECK (phase IN (0, 1, 2)),  -- 0 categories and detectoids, 1 updates, 2 what these need
  state      INTEGER NOT NULL CHECK (state IN (0, 1, 2)),  -- 0 to be fetched, 1 fetched, 2 not to be had
  batch_id   INTEGER,                         -- where the document is
  reason     TEXT NOT NULL                    -- why it is not to be had
) STRICT;
CREATE UNIQUE INDEX source_pending_identity ON source_pending (source_id, update_id, revision);
-- Documents fetched, as records (docs/bundle-format.md) in one zstd frame, and the relations of each, packed.
CREATE TABLE source_batch (
  batch_id  INTEGER PRIMARY KEY,
  source_id INTEGER NOT NULL,
  raw_bytes INTEGER NOT NULL,
  relations BLOB NOT NULL,
  packed    BLOB NOT NULL
) STRICT;

-- What a server that is followed as a replica says of its own computers: for the policy of sites.
CREATE TABLE replica_group (
  source_id  INTEGER NOT NULL REFERENCES source ON DELETE CASCADE,
  group_id   BLOB NOT NULL CHECK (length(group_id) = 16),
  parent_id  BLOB NOT NULL CHECK (length(parent_id) = 16),
  name       TEXT NOT NULL,
  is_builtin INTEGER NOT NULL,
  PRIMARY KEY (source_id, group_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE replica_approval (
  source_id     INTEGER NOT NULL REFERENCES source ON DELETE CASCADE,
  deployment_id BLOB NOT NULL CHECK (length(deployment_id) = 16),
  update_id     BLOB NOT NULL CHECK (length(update_id) = 16),
  revision      INTEGER NOT NULL,
  action        INTEGER NOT NULL CHECK (action IN (0, 1, 2, 3)),  -- 0 install, 1 uninstall, 2 detect, 3 block
  group_id      BLOB NOT NULL CHECK (length(group_id) = 16),
  deadline      TEXT NOT NULL,                -- '' none
  go_live       TEXT NOT NULL,
  is_assigned   INTEGER NOT NULL,
  priority      INTEGER NOT NULL,
  admin         TEXT NOT NULL,                -- who approved
  PRIMARY KEY (source_id, deployment_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX replica_approval_update ON replica_approval (update_id);
-- Updates declined there, and licence terms accepted there.
CREATE TABLE replica_declined (
  source_id INTEGER NOT NULL REFERENCES source ON DELETE CASCADE,
  update_id BLOB NOT NULL CHECK (length(update_id) = 16),
  PRIMARY KEY (source_id, update_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE replica_licence (
  source_id  INTEGER NOT NULL REFERENCES source ON DELETE CASCADE,
  licence_id BLOB NOT NULL CHECK (length(licence_id) = 16),
  PRIMARY KEY (source_id, licence_id)
) STRICT, WITHOUT ROWID;
