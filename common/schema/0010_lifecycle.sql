-- 0010_lifecycle.sql - what is superseded, expired, removed.

-- DURABLE -----------------------------------------------------------------------------------------

-- Hub: when a superseded update counts as expired, so many months after what supersedes it was created; 0: at once. No
-- row: never. grace: days an expired update stays at the hub.
CREATE TABLE lifecycle_rule (
  kind  TEXT PRIMARY KEY CHECK (kind IN ('updates', 'feature-updates', 'grace')),
  value INTEGER NOT NULL CHECK (value BETWEEN 0 AND 3650)
) STRICT, WITHOUT ROWID;

-- Hub: updates that are expired, by their document or by rule, as the last "maintain" saw them.
CREATE TABLE lifecycle (
  update_id     BLOB PRIMARY KEY CHECK (length(update_id) = 16),
  reason        TEXT NOT NULL CHECK (reason IN ('expired', 'superseded')),
  since         TEXT NOT NULL,  -- the "as of" date of the run that saw it first, YYYY-MM-DD
  superseded_by BLOB            -- the first to supersede it; NULL: expired by its document
) STRICT, WITHOUT ROWID;

-- Hub: updates removed by "maintain": a synchronization brings back no revision up to that one.
CREATE TABLE excluded_update (
  update_id BLOB PRIMARY KEY CHECK (length(update_id) = 16),
  revision  INTEGER NOT NULL,   -- the newest held when it was removed
  reason    TEXT NOT NULL,      -- as in lifecycle
  removed   TEXT NOT NULL,      -- the "as of" date of the run
  title     TEXT NOT NULL
) STRICT, WITHOUT ROWID;
