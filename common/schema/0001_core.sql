-- 0001_core.sql - the schema of an update point, hub and site alike.
--
-- Compatibility promise: user_version is the number of the last step applied. A program opens any
-- lower version and upgrades it, one transaction a step; steps are only ever appended, never
-- edited. A higher version is refused. The v_ views keep their names and columns for ever; columns
-- may be added at their end.
--
-- DURABLE tables are the update point. DERIVED tables follow from the documents and can be dropped
-- and made again at any time ("rebuild" does, and proves it).

-- DURABLE -----------------------------------------------------------------------------------------

-- One row for each fact about the update point itself.
CREATE TABLE setting (
  key   TEXT PRIMARY KEY,  -- role (hub|site), name, content_version, dictionary
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Trained zstd dictionaries; documents name the one they are packed with. Never deleted.
CREATE TABLE dictionary (
  dictionary_id INTEGER PRIMARY KEY,
  bytes         BLOB NOT NULL
) STRICT;

-- Every revision held. Identity is (update_id, revision).
CREATE TABLE revision (
  rev_id        INTEGER PRIMARY KEY,
  update_id     BLOB NOT NULL CHECK (length(update_id) = 16),  -- GUID, bytes in text order
  revision      INTEGER NOT NULL CHECK (revision BETWEEN 0 AND 4294967295),
  origin        INTEGER NOT NULL CHECK (origin IN (0, 1, 2)),  -- 0 sync, 1 catalogue import, 2 third party
  record_sha256 BLOB NOT NULL CHECK (length(record_sha256) = 32),  -- the leaf of the state digest
  doc_sha256    BLOB NOT NULL CHECK (length(doc_sha256) = 32)      -- of the exact document
) STRICT;
-- Covering: the state digest is one pass over this index.
CREATE UNIQUE INDEX revision_identity ON revision (update_id, revision, record_sha256);

-- The exact document of a revision and the download addresses of its files.
CREATE TABLE document (
  rev_id        INTEGER PRIMARY KEY REFERENCES revision,
  dictionary_id INTEGER REFERENCES dictionary,  -- NULL: packed without
  raw_bytes     INTEGER NOT NULL,
  packed        BLOB NOT NULL,                  -- zstd
  urls          TEXT NOT NULL                   -- lines "<sha1 hex> <url>\n", sorted; '' when none
) STRICT;

-- Files in the content store, by digest; the bytes lie in content/xx/<sha256>.
CREATE TABLE stored_file (
  sha256 BLOB PRIMARY KEY CHECK (length(sha256) = 32),
  sha1   BLOB NOT NULL CHECK (length(sha1) = 20),
  bytes  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX stored_file_sha1 ON stored_file (sha1);

-- Hub: one row for each synchronization tried. Site: one for each import or undo.
CREATE TABLE sync_history (
  sync_id         INTEGER PRIMARY KEY,
  started         TEXT NOT NULL,      -- UTC
  finished        TEXT NOT NULL,
  source          TEXT NOT NULL,      -- file name, or bundle name
  kind            TEXT NOT NULL,      -- wsusutil-cab, wsusutil-xml-gz, full, delta, undo
  source_time     TEXT NOT NULL,      -- the source's own time stamp; '' when unknown
  state           INTEGER NOT NULL,   -- 6702, 6703, 6707, 6708
  error           TEXT NOT NULL,      -- '' on success
  new             INTEGER NOT NULL, revised INTEGER NOT NULL, expired INTEGER NOT NULL,
  removed         INTEGER NOT NULL, unchanged INTEGER NOT NULL,
  updates         INTEGER NOT NULL, revisions INTEGER NOT NULL,
  content_version INTEGER NOT NULL,
  state_digest    BLOB NOT NULL
) STRICT;

-- What was exported, imported, undone, trusted; append-only, each row chained to the one before.
CREATE TABLE ledger (
  entry     INTEGER PRIMARY KEY,
  time      TEXT NOT NULL,     -- UTC, information only
  operator  TEXT NOT NULL,
  kind      TEXT NOT NULL,     -- export, import, undo, trust, key, site, receipt
  site      TEXT NOT NULL,
  sequence  INTEGER NOT NULL,
  subject   BLOB NOT NULL,     -- SHA-256: manifest, key, ...
  detail    TEXT NOT NULL,
  previous  BLOB NOT NULL,     -- hash of the entry before, 32 zero bytes for the first
  hash      BLOB NOT NULL      -- SHA-256 over the entry, see docs/database.md
) STRICT;

-- Hub: the disconnected sites.
CREATE TABLE site (
  site_id      INTEGER PRIMARY KEY,
  code         TEXT NOT NULL UNIQUE,
  content_mode INTEGER NOT NULL,   -- 0 none, 1 licence, 2 approved, 3 all
  express      INTEGER NOT NULL,
  promise_days INTEGER NOT NULL,   -- a bundle at least this often
  public_key   TEXT NOT NULL,      -- PEM, '' until enrolled
  acknowledged INTEGER NOT NULL    -- newest sequence a receipt confirmed
) STRICT;
CREATE TABLE site_item (
  site_id INTEGER NOT NULL REFERENCES site ON DELETE CASCADE,
  kind    INTEGER NOT NULL,        -- 0 product, 1 classification, 2 language, 3 approval
  value   TEXT NOT NULL,           -- GUID in lower case, or language
  PRIMARY KEY (site_id, kind, value)
) STRICT, WITHOUT ROWID;
-- Hub: which record of which revision a site was sent, as half-open ranges of sequences.
CREATE TABLE site_state (
  site_id       INTEGER NOT NULL REFERENCES site ON DELETE CASCADE,
  update_id     BLOB NOT NULL,
  revision      INTEGER NOT NULL,
  from_sequence INTEGER NOT NULL,
  to_sequence   INTEGER,           -- first sequence without it; NULL: still there
  record_sha256 BLOB NOT NULL,
  doc_sha256    BLOB NOT NULL,     -- tells a revised update from an address that moved
  PRIMARY KEY (site_id, update_id, revision, from_sequence)
) STRICT, WITHOUT ROWID;
-- Hub: from which bundle on a file is at a site. The site imports a bundle only with all its files, and
-- every bundle carries what those since the last acknowledged one carried and is still needed.
CREATE TABLE site_file (
  site_id  INTEGER NOT NULL REFERENCES site ON DELETE CASCADE,
  sha256   BLOB NOT NULL,
  sequence INTEGER NOT NULL,
  PRIMARY KEY (site_id, sha256)
) STRICT, WITHOUT ROWID;
-- Hub: the bundles made for each site.
CREATE TABLE export (
  site_id         INTEGER NOT NULL REFERENCES site ON DELETE CASCADE,
  sequence        INTEGER NOT NULL,
  kind            TEXT NOT NULL,
  exported        TEXT NOT NULL,     -- UTC
  created         TEXT NOT NULL,     -- the catalogue's time, as in the manifest
  state_digest    BLOB NOT NULL,     -- the state it leads to
  manifest_sha256 BLOB NOT NULL,
  volumes         INTEGER NOT NULL,
  bytes           INTEGER NOT NULL,
  records         INTEGER NOT NULL,
  files           INTEGER NOT NULL,
  PRIMARY KEY (site_id, sequence)
) STRICT, WITHOUT ROWID;

-- Site: keys pinned by the operator.
CREATE TABLE trust (
  key_id BLOB PRIMARY KEY CHECK (length(key_id) = 32),  -- SHA-256 of the SubjectPublicKeyInfo
  name   TEXT NOT NULL,
  role   TEXT NOT NULL CHECK (role IN ('exporter', 'reviewer')),
  pem    TEXT NOT NULL,
  added  TEXT NOT NULL
) STRICT, WITHOUT ROWID;
-- Site: the imports, newest state last. An undone import keeps its row.
CREATE TABLE import (
  import_id       INTEGER PRIMARY KEY,
  sequence        INTEGER NOT NULL,
  kind            TEXT NOT NULL,
  bundle          TEXT NOT NULL,
  hub             TEXT NOT NULL,
  created         TEXT NOT NULL,
  imported        TEXT NOT NULL,     -- UTC
  manifest_sha256 BLOB NOT NULL,
  profile         TEXT NOT NULL,     -- the signed profile text
  approvals       TEXT NOT NULL,     -- the signed approvals, lines "approved <guid>"
  promise_days    INTEGER NOT NULL,
  base_digest     BLOB NOT NULL,     -- state before
  state_digest    BLOB NOT NULL,     -- state after
  undone          INTEGER NOT NULL DEFAULT 0
) STRICT;
-- Site: what undo needs, by import. state 0: the revision was absent before.
CREATE TABLE undo (
  import_id     INTEGER NOT NULL REFERENCES import,
  update_id     BLOB NOT NULL,
  revision      INTEGER NOT NULL,
  state         INTEGER NOT NULL CHECK (state IN (0, 1)),
  origin        INTEGER,
  dictionary_id INTEGER,
  raw_bytes     INTEGER,
  packed        BLOB,
  urls          TEXT,
  PRIMARY KEY (import_id, update_id, revision)
) STRICT, WITHOUT ROWID;
-- Site: holes the hub signed for, as of the last import: files not at the hub, references not held.
CREATE TABLE hole (
  import_id INTEGER NOT NULL REFERENCES import,
  line      TEXT NOT NULL,     -- the manifest's line
  PRIMARY KEY (import_id, line)
) STRICT, WITHOUT ROWID;

-- DERIVED -----------------------------------------------------------------------------------------
-- No foreign keys here: one module writes these tables, and a check per row is the price of a third
-- of a bulk import.

-- One row for each revision: what queries filter and sort by.
CREATE TABLE info (
  rev_id        INTEGER PRIMARY KEY,
  type          INTEGER NOT NULL,  -- 0 category, 1 detectoid, 2 software, 3 driver
  expired       INTEGER NOT NULL,
  deployable    INTEGER NOT NULL,  -- ExplicitlyDeployable: can be approved
  created       TEXT NOT NULL,     -- CreationDate as written
  severity      TEXT NOT NULL,     -- MsrcSeverity, '' when none
  category_type TEXT NOT NULL,     -- Company, ProductFamily, Product, UpdateClassification, ''
  title         TEXT NOT NULL      -- in the document's default language
) STRICT;
CREATE INDEX info_order ON info (type, created);
CREATE TABLE title (
  rev_id   INTEGER NOT NULL,
  language TEXT NOT NULL,
  title    TEXT NOT NULL,
  PRIMARY KEY (rev_id, language)
) STRICT, WITHOUT ROWID;
-- Short facts that come in lists: kb, bulletin, cve, language.
CREATE TABLE tag (
  rev_id INTEGER NOT NULL,
  kind   TEXT NOT NULL,
  value  TEXT NOT NULL,
  PRIMARY KEY (rev_id, kind, value)
) STRICT, WITHOUT ROWID;
CREATE INDEX tag_value ON tag (kind, value);
-- Prerequisites: AND over clauses, OR inside a clause.
CREATE TABLE prerequisite (
  rev_id      INTEGER NOT NULL,
  clause      INTEGER NOT NULL,
  target      BLOB NOT NULL,
  is_category INTEGER NOT NULL,
  PRIMARY KEY (rev_id, clause, target)
) STRICT, WITHOUT ROWID;
CREATE INDEX prerequisite_target ON prerequisite (target);
-- Bundled updates: AND over clauses, OR inside a clause, exact revision.
CREATE TABLE bundled (
  rev_id          INTEGER NOT NULL,
  clause          INTEGER NOT NULL,
  target          BLOB NOT NULL,
  target_revision INTEGER NOT NULL,
  PRIMARY KEY (rev_id, clause, target, target_revision)
) STRICT, WITHOUT ROWID;
CREATE INDEX bundled_target ON bundled (target, target_revision);
CREATE TABLE superseded (
  rev_id INTEGER NOT NULL,
  target BLOB NOT NULL,
  PRIMARY KEY (rev_id, target)
) STRICT, WITHOUT ROWID;
CREATE INDEX superseded_target ON superseded (target);
-- Files a revision names: payload (licence=0) and licence terms (licence=1).
CREATE TABLE file (
  rev_id   INTEGER NOT NULL,
  sha1     BLOB NOT NULL,
  licence  INTEGER NOT NULL,
  language TEXT NOT NULL,          -- of licence terms
  sha256   BLOB,                   -- NULL: the document states none
  name     TEXT NOT NULL,
  bytes    INTEGER NOT NULL,
  express  INTEGER NOT NULL,
  url      TEXT NOT NULL,          -- '' when unknown
  PRIMARY KEY (rev_id, sha1, licence, language)
) STRICT, WITHOUT ROWID;
CREATE INDEX file_sha1 ON file (sha1);
-- Words of titles in every language and of tags; rowid = rev_id.
CREATE VIRTUAL TABLE search USING fts5 (words, content='', detail='none', columnsize=0);

-- VIEWS for people's own queries; stable --------------------------------------------------------------

CREATE VIEW v_update AS
SELECT lower(substr(hex(r.update_id),1,8)||'-'||substr(hex(r.update_id),9,4)||'-'||substr(hex(r.update_id),13,4)||'-'||
             substr(hex(r.update_id),17,4)||'-'||substr(hex(r.update_id),21)) AS update_id,
       r.revision,
       CASE i.type WHEN 0 THEN 'Category' WHEN 1 THEN 'Detectoid' WHEN 2 THEN 'Software' ELSE 'Driver' END AS type,
       i.title, i.severity, i.created,
       (SELECT group_concat(value, ',') FROM tag t WHERE t.rev_id = r.rev_id AND t.kind = 'kb') AS kb,
       i.expired AS is_expired,
       NOT EXISTS (SELECT 1 FROM revision n WHERE n.update_id = r.update_id AND n.revision > r.revision) AS is_latest,
       EXISTS (SELECT 1 FROM superseded s WHERE s.target = r.update_id) AS is_superseded,
       i.category_type, lower(hex(r.doc_sha256)) AS document_sha256, r.rev_id
  FROM revision r JOIN info i USING (rev_id);
CREATE VIEW v_file AS
SELECT u.update_id, u.revision, f.name, f.bytes, lower(hex(f.sha1)) AS sha1, lower(hex(f.sha256)) AS sha256,
       f.licence AS is_licence, f.language, f.url,
       EXISTS (SELECT 1 FROM stored_file s WHERE s.sha1 = f.sha1) AS is_stored
  FROM file f JOIN v_update u USING (rev_id);
CREATE VIEW v_sync_history AS
SELECT sync_id, started, finished, source, kind, source_time, state, error, new, revised, expired, removed,
       unchanged, updates, revisions, content_version, lower(hex(state_digest)) AS state_digest
  FROM sync_history;
CREATE VIEW v_title AS
SELECT u.update_id, u.revision, t.language, t.title FROM title t JOIN v_update u USING (rev_id);
CREATE VIEW v_ledger AS
SELECT entry, time, operator, kind, site, sequence, lower(hex(subject)) AS subject, detail, lower(hex(hash)) AS hash
  FROM ledger;
