-- 0009_third_party.sql - catalogues of other vendors.

-- DURABLE -----------------------------------------------------------------------------------------

-- Hub: catalogues the operator subscribed to.
CREATE TABLE vendor_catalogue (
  catalogue_id   INTEGER PRIMARY KEY,
  name           TEXT NOT NULL UNIQUE,
  source         TEXT NOT NULL,     -- file, folder or address
  kind           TEXT NOT NULL,     -- sdp-v1, sdp-v2, sdp
  allow_unsigned INTEGER NOT NULL CHECK (allow_unsigned IN (0, 1)),  -- the operator's word
  signer         TEXT NOT NULL,     -- common name of who signed what was taken last; '' it was not proved
  interval_days  INTEGER NOT NULL CHECK (interval_days BETWEEN 0 AND 366),  -- 0: by hand only
  subscribed     TEXT NOT NULL,     -- UTC
  refreshed      TEXT NOT NULL      -- UTC
) STRICT;
-- Hub: certificates the operator approved for a catalogue, and for the files its updates name.
CREATE TABLE vendor_certificate (
  catalogue_id INTEGER NOT NULL REFERENCES vendor_catalogue ON DELETE CASCADE,
  key_id       BLOB NOT NULL CHECK (length(key_id) = 32),  -- SHA-256 of the SubjectPublicKeyInfo
  name         TEXT NOT NULL,       -- common name
  pem          TEXT NOT NULL,
  added        TEXT NOT NULL,       -- UTC
  PRIMARY KEY (catalogue_id, key_id)
) STRICT, WITHOUT ROWID;
-- Hub: packages held, as revisions of origin 2. One that is pinned is published and travels; any other is metadata only.
CREATE TABLE vendor_package (
  update_id    BLOB PRIMARY KEY CHECK (length(update_id) = 16),
  catalogue_id INTEGER REFERENCES vendor_catalogue,  -- NULL: brought in by itself
  created      TEXT NOT NULL,       -- CreationDate as written
  withdrawn    INTEGER NOT NULL CHECK (withdrawn IN (0, 1))  -- its catalogue does not hold it any more; kept because it is published
) STRICT, WITHOUT ROWID;
CREATE INDEX vendor_package_catalogue ON vendor_package (catalogue_id);

-- VIEWS -------------------------------------------------------------------------------------------

CREATE VIEW v_vendor_package AS
SELECT u.update_id, u.revision, u.title, coalesce(c.name, '') AS catalogue,
       coalesce((SELECT group_concat(value, ', ') FROM tag t WHERE t.rev_id = u.rev_id AND t.kind = 'vendor'), '') AS vendor,
       coalesce((SELECT group_concat(value, ', ') FROM tag t WHERE t.rev_id = u.rev_id AND t.kind = 'product'), '') AS product,
       coalesce((SELECT group_concat(value, ', ') FROM tag t WHERE t.rev_id = u.rev_id AND t.kind = 'classification'), '') AS classification,
       CASE WHEN EXISTS (SELECT 1 FROM pin WHERE pin.update_id = p.update_id) THEN 'published' ELSE 'metadata-only' END AS state,
       p.withdrawn AS is_withdrawn, u.is_expired, u.rev_id
  FROM vendor_package p JOIN revision r ON r.update_id = p.update_id AND r.origin = 2 JOIN v_update u ON u.rev_id = r.rev_id
       LEFT JOIN vendor_catalogue c USING (catalogue_id);
