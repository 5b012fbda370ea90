-- 0003_relations.sql - the clauses of a revision beside its other facts, for whoever judges the whole catalogue.

-- DERIVED -----------------------------------------------------------------------------------------

-- Packed: entries in the order of prerequisite, then of bundled; an entry is a letter, the target's 16 bytes and,
-- of a bundled update, its revision in eight hexadecimal digits. The letter: p a clause of prerequisites begins,
-- c one with IsCategory, b one of bundled updates, | another alternative of the same clause.
ALTER TABLE info ADD COLUMN relations BLOB NOT NULL DEFAULT x'';
UPDATE info SET relations = CAST(
  coalesce((SELECT group_concat(entry, '') FROM (
    SELECT CASE WHEN clause IS lag(clause) OVER (ORDER BY clause, target) THEN '|' WHEN is_category THEN 'c' ELSE 'p' END
           || target AS entry
      FROM prerequisite p WHERE p.rev_id = info.rev_id ORDER BY clause, target)), '')
  || coalesce((SELECT group_concat(entry, '') FROM (
    SELECT CASE WHEN clause IS lag(clause) OVER (ORDER BY clause, target, target_revision) THEN '|' ELSE 'b' END
           || target || printf('%08x', target_revision) AS entry
      FROM bundled b WHERE b.rev_id = info.rev_id ORDER BY clause, target, target_revision)), '') AS BLOB);
