-- 0008_scan.sql - scan metadata of wsusscn2.cab, which never enters the catalogue.
--
-- DURABLE: it follows from no document. One edition at a time; a synchronization from another one replaces all rows
-- here, in one transaction. Nothing refers to these tables, and they refer to nothing, so what they hold can neither
-- be exported nor change the state digest. revision_id is the cabinet's own number, good in this edition only.

CREATE TABLE scan_edition (
  edition    INTEGER PRIMARY KEY CHECK (edition = 1),  -- one row
  source     TEXT NOT NULL,     -- file name
  created    TEXT NOT NULL,     -- CreationDate of package.xml; '' when it says none
  package_id TEXT NOT NULL,     -- PackageId, '' when none
  source_id  TEXT NOT NULL,     -- SourceId, '' when none
  taken      TEXT NOT NULL,     -- UTC
  updates    INTEGER NOT NULL,  -- ids
  revisions  INTEGER NOT NULL
) STRICT;
CREATE TABLE scan_update (
  revision_id INTEGER PRIMARY KEY,
  update_id   BLOB NOT NULL CHECK (length(update_id) = 16),
  revision    INTEGER NOT NULL CHECK (revision BETWEEN 0 AND 4294967295),
  type        TEXT NOT NULL,     -- UpdateType; '' when the core fragment is missing
  is_bundle   INTEGER NOT NULL,
  is_leaf     INTEGER NOT NULL,
  is_software INTEGER NOT NULL,
  action      TEXT NOT NULL,     -- DeploymentAction; '' normal
  created     TEXT NOT NULL,
  language    TEXT NOT NULL,     -- the default one
  severity    TEXT NOT NULL,     -- MsrcSeverity, '' when none
  handler     TEXT NOT NULL,
  max_bytes   INTEGER NOT NULL,  -- MaxDownloadSize, 0 when none
  min_bytes   INTEGER NOT NULL,
  title       TEXT NOT NULL      -- in the default language, else in English, else the first; '' when none
) STRICT;
CREATE INDEX scan_update_id ON scan_update (update_id, revision);
CREATE TABLE scan_title (
  revision_id INTEGER NOT NULL,
  language    TEXT NOT NULL,     -- lower case
  title       TEXT NOT NULL,
  text_id     INTEGER,           -- the description; NULL when none
  PRIMARY KEY (revision_id, language)
) STRICT, WITHOUT ROWID;
-- Descriptions: thousands of updates share one.
CREATE TABLE scan_text (
  text_id INTEGER PRIMARY KEY,   -- the first 63 bits of its SHA-256 that are no sign
  text    TEXT NOT NULL
) STRICT;
CREATE TABLE scan_tag (
  revision_id INTEGER NOT NULL,
  kind        TEXT NOT NULL,     -- kb, bulletin, cve, language, url, support
  value       TEXT NOT NULL,
  PRIMARY KEY (revision_id, kind, value)
) STRICT, WITHOUT ROWID;
CREATE INDEX scan_tag_value ON scan_tag (value) WHERE kind IN ('kb', 'bulletin', 'cve');
-- Between revisions of the edition; the target may be one that is not in it.
CREATE TABLE scan_relation (
  revision_id INTEGER NOT NULL,
  kind        INTEGER NOT NULL CHECK (kind IN (0, 1)),  -- 0 bundled by, 1 superseded by
  target      INTEGER NOT NULL,                         -- revision_id
  PRIMARY KEY (revision_id, kind, target)
) STRICT, WITHOUT ROWID;
CREATE INDEX scan_relation_target ON scan_relation (target, kind);
-- Updates that a revision supersedes, also those which are not in the edition any more.
CREATE TABLE scan_superseded (
  revision_id INTEGER NOT NULL,
  target      BLOB NOT NULL CHECK (length(target) = 16),
  PRIMARY KEY (revision_id, target)
) STRICT, WITHOUT ROWID;
CREATE TABLE scan_category (
  revision_id INTEGER NOT NULL,
  type        TEXT NOT NULL,     -- UpdateClassification, Company, ProductFamily, Product
  target      BLOB NOT NULL CHECK (length(target) = 16),
  PRIMARY KEY (revision_id, type, target)
) STRICT, WITHOUT ROWID;
CREATE TABLE scan_file (
  revision_id INTEGER NOT NULL,
  sha1        BLOB NOT NULL CHECK (length(sha1) = 20),
  licence     INTEGER NOT NULL,
  language    TEXT NOT NULL,     -- of licence terms
  sha256      BLOB CHECK (length(sha256) = 32),  -- NULL: not stated
  name        TEXT NOT NULL,     -- '' when the extended fragment does not name it
  bytes       INTEGER,           -- NULL: not stated
  PRIMARY KEY (revision_id, sha1, licence, language)
) STRICT, WITHOUT ROWID;
CREATE INDEX scan_file_sha1 ON scan_file (sha1);
CREATE TABLE scan_location (
  sha1 BLOB PRIMARY KEY CHECK (length(sha1) = 20),
  url  TEXT NOT NULL
) STRICT, WITHOUT ROWID;
-- Words of titles in every language and of tags; rowid = revision_id.
CREATE VIRTUAL TABLE scan_search USING fts5 (words, content='', detail='none', columnsize=0);

CREATE VIEW v_scan_update AS
SELECT lower(substr(hex(s.update_id),1,8)||'-'||substr(hex(s.update_id),9,4)||'-'||substr(hex(s.update_id),13,4)||'-'||
             substr(hex(s.update_id),17,4)||'-'||substr(hex(s.update_id),21)) AS update_id,
       s.revision, s.type, s.title, s.severity, s.created,
       (SELECT group_concat(value, ',') FROM scan_tag t WHERE t.revision_id = s.revision_id AND t.kind = 'kb') AS kb,
       s.is_bundle,
       EXISTS (SELECT 1 FROM scan_relation r WHERE r.revision_id = s.revision_id AND r.kind = 1) AS is_superseded,
       EXISTS (SELECT 1 FROM revision r WHERE r.update_id = s.update_id) AS is_in_catalogue, s.revision_id
  FROM scan_update s;
CREATE VIEW v_scan_file AS
SELECT u.update_id, u.revision, f.name, f.bytes, lower(hex(f.sha1)) AS sha1, lower(hex(f.sha256)) AS sha256,
       f.licence AS is_licence, f.language, coalesce(l.url, '') AS url
  FROM scan_file f JOIN v_scan_update u USING (revision_id) LEFT JOIN scan_location l ON l.sha1 = f.sha1;
