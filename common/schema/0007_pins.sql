-- 0007_pins.sql - single updates beside the profiles, and bundles outside the sequence.

-- DURABLE -----------------------------------------------------------------------------------------

-- Hub: updates that travel to every site whatever its profile, with all they need. An id that is not held waits.
CREATE TABLE pin (
  update_id BLOB PRIMARY KEY CHECK (length(update_id) = 16),
  reason    TEXT NOT NULL CHECK (reason IN ('catalogue', 'third-party', 'operator')),
  added     TEXT NOT NULL,  -- UTC
  note      TEXT NOT NULL   -- for people; '' none
) STRICT, WITHOUT ROWID;
