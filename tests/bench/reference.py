"""reference.py - what the limit and the other tools work on, made once from the first round's homes.

    ref/plain1.db, plain2.db   every document as it is, and the derived tables: one database file,
                               which the other tools carry and the limit's export reads
    ref/hub.db, site.db        the rows that month 1 inserts; ref/delta.db those of month 2
    ref/site1.db               the site's database after month 1, into which delta.db goes
    ref/content1, content2     lists of the content of month 1, and of what month 2 adds
    ref/tree1, tree2           what the other tools carry: database.db and content, hard links
"""
import os
import shutil
import sqlite3
import subprocess
from contextlib import closing

WORDS = """SELECT rev_id, (SELECT group_concat(w, char(10)) FROM (
    SELECT title w FROM {0}.title t WHERE t.rev_id=r.rev_id UNION ALL
    SELECT value FROM {0}.tag t WHERE t.rev_id=r.rev_id AND kind IN ('kb','bulletin','cve') UNION ALL
    SELECT 'KB'||value FROM {0}.tag t WHERE t.rev_id=r.rev_id AND kind='kb')) AS words
    FROM {0}.revision r"""
TABLES = """SELECT name FROM {0}.sqlite_schema WHERE type='table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
    AND name NOT LIKE 'search%' AND name NOT LIKE 'scan\\_search%' ESCAPE '\\' AND name NOT LIKE 'limit\\_%' ESCAPE '\\'"""


def copy_database(home, to):
    with closing(sqlite3.connect(f"{home}/update-point.db")) as source, closing(sqlite3.connect(to)) as target:
        source.backup(target)
        target.execute("PRAGMA journal_mode=DELETE")


def with_words(path):
    """The rows of a home, and beside them the words its search index was made of."""
    db = sqlite3.connect(path)
    db.executescript("CREATE TABLE limit_words AS " + WORDS.format("main") + " ORDER BY 1")
    db.close()


def rows_of(path):
    """How many rows insert_rows() must report."""
    db = sqlite3.connect(path)
    count = sum(db.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name, in db.execute(TABLES.format("main")).fetchall())
    db.close()
    return count


def make_delta(before, after, to):
    """Rows that are in `after` and not in `before`, and the revisions that are gone."""
    db = sqlite3.connect(to)
    db.execute("ATTACH ? AS a", (before,))
    db.execute("ATTACH ? AS b", (after,))
    alike = "SELECT 1 FROM {0}.revision o WHERE o.rev_id=r.rev_id AND o.record_sha256=r.record_sha256"
    db.executescript(
        f"CREATE TABLE limit_words AS {WORDS.format('b')} WHERE NOT EXISTS ({alike.format('a')}) ORDER BY 1;"
        f"CREATE TABLE limit_gone AS {WORDS.format('a')} WHERE NOT EXISTS ({alike.format('b')}) ORDER BY 1;"
        "CREATE INDEX limit_new ON limit_words (rev_id)")
    for name, in db.execute(TABLES.format("b")).fetchall():
        columns = [row[1] for row in db.execute(f'PRAGMA b.table_info("{name}")')]
        which = "WHERE rev_id IN (SELECT rev_id FROM limit_words)" if "rev_id" in columns else \
            f'EXCEPT SELECT * FROM a."{name}"'
        db.execute(f'CREATE TABLE "{name}" AS SELECT * FROM b."{name}" {which}')
    db.commit()
    db.close()


def make_plain(limit, work, number):
    plain = f"{work}/ref/plain{number}.db"
    subprocess.run([limit, "plain", f"{work}/m{number}/metadata.txt", plain] +
                   ([f"{work}/ref/plain1.db"] if number == 2 else []), check=True, stdout=subprocess.DEVNULL)
    db = sqlite3.connect(plain)
    db.execute("ATTACH ? AS site", (f"{work}/ref/site{number}.db",))
    for name in ("info", "title", "tag", "prerequisite", "bundled", "superseded", "file"):
        db.execute(f"CREATE TABLE {name} AS SELECT * FROM site.{name}")
    db.commit()
    db.close()


def make_tree(work, number):
    """Month 2's tree takes unchanged files from month 1: for the other tools they are the same files. Those that
    are new are younger than the tree of month 1."""
    tree, past = f"{work}/ref/tree{number}", f"{work}/m1/WsusContent"
    source, paths = f"{work}/m{number}/WsusContent", []
    os.makedirs(tree)
    os.link(f"{work}/ref/plain{number}.db", f"{tree}/database.db")
    for folder, _, files in os.walk(source):
        inside = os.path.relpath(folder, source)
        os.makedirs(f"{tree}/content/{inside}", exist_ok=True)
        for name in files:
            old = f"{past}/{inside}/{name}"
            is_old = number == 2 and os.path.exists(old)
            os.link(old if is_old else f"{folder}/{name}", f"{tree}/content/{inside}/{name}")
            if not is_old:
                paths.append(f"{folder}/{name}")
                os.utime(paths[-1])
    with open(f"{work}/ref/content{number}", "w", encoding="utf-8") as out:
        out.writelines(path + "\n" for path in sorted(paths))


def after_month(limit, work, number):
    ref = f"{work}/ref"
    if number == 1:
        shutil.rmtree(ref, ignore_errors=True)
        os.mkdir(ref)
        copy_database(f"{work}/ours/hub", f"{ref}/hub.db")
        with_words(f"{ref}/hub.db")
    copy_database(f"{work}/ours/site", f"{ref}/site{number}.db")
    make_plain(limit, work, number)
    make_tree(work, number)
    if number == 1:
        shutil.copyfile(f"{ref}/site1.db", f"{ref}/site.db")
        with_words(f"{ref}/site.db")
    else:
        make_delta(f"{ref}/site1.db", f"{ref}/site2.db", f"{ref}/delta.db")
        os.remove(f"{ref}/site2.db")
