-- 0006_schedule.sql - when the hub synchronizes, and who is told when it fails.

-- DURABLE -----------------------------------------------------------------------------------------

-- Hub: when it synchronizes by itself; one row, or none while no schedule was ever set.
CREATE TABLE schedule (
  task          TEXT PRIMARY KEY CHECK (task = 'sync'),
  rule          TEXT NOT NULL,     -- see recurrence.h
  zone          TEXT NOT NULL,     -- IANA time zone in which its times are meant
  start         TEXT NOT NULL,     -- UTC; nothing is due before, and intervals are counted from here
  retry_minutes INTEGER NOT NULL CHECK (retry_minutes BETWEEN 1 AND 10080),
  changed       TEXT NOT NULL      -- UTC
) STRICT, WITHOUT ROWID;

-- What went wrong and whether it still does; opened by a failure, closed by the next success.
CREATE TABLE alert (
  alert_id INTEGER PRIMARY KEY,
  kind     TEXT NOT NULL CHECK (kind IN ('sync', 'import', 'silence')),
  opened   TEXT NOT NULL,          -- UTC
  last     TEXT NOT NULL,          -- UTC, the newest failure
  failures INTEGER NOT NULL CHECK (failures >= 1),
  message  INTEGER NOT NULL,       -- id of the newest failure
  detail   TEXT NOT NULL,          -- its text
  closed   TEXT NOT NULL DEFAULT ''  -- UTC; '' while it is open
) STRICT;
CREATE UNIQUE INDEX alert_open ON alert (kind) WHERE closed = '';

-- Who is told of an alert.
CREATE TABLE alert_way (
  way   TEXT PRIMARY KEY CHECK (way IN ('hook', 'hook_seconds', 'spool', 'mail_to', 'silence_days')),
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The message id of what failed; 0 when nothing did, and in rows older than this step.
ALTER TABLE sync_history ADD COLUMN error_id INTEGER NOT NULL DEFAULT 0;
