-- 0004_lookup.sql - two indices less. Together they were a third of what a month writes and half of what a first
-- load makes after its rows, each to answer one question that has another answer: which updates have a number
-- (search), and which clauses nothing held answers (info.relations).

DROP INDEX tag_value;
DROP INDEX prerequisite_target;
