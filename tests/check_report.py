#!/usr/bin/env python3
"""check_report.py - what a report's page, its text and its JSON say is the same; the page needs nothing else.

    check_report.py same PAGE TEXT JSON      the words of page and text, one by one; the cells of page and JSON
    check_report.py page PAGE                well-formed, no script, no address, nothing loaded
    check_report.py picture PNG WIDTH        not blank, and nothing reaches the right margin
    check_report.py paper PDF                every page is A4
"""
import json
import re
import sys
import xml.etree.ElementTree as ElementTree
import zlib

INLINE = {"span", "wbr", "i"}


def fail(text):
    sys.exit("check_report: " + text)


def words_of(element, out):
    """Text a reader sees, in order; a drawing is another view of its table."""
    if element.tag in ("head", "svg"):
        return
    edge = "" if element.tag in INLINE else "\n"
    out.append(edge + (element.text or ""))
    for child in element:
        words_of(child, out)
        out.append(child.tail or "")
    out.append(edge)


def shown(element):
    out = []
    words_of(element, out)
    return "".join(out).strip()


def compare_words(page, text):
    out = []
    words_of(page.find("body"), out)
    ours = "".join(out).split()
    theirs = " ".join(line for line in text.split("\n") if not re.fullmatch(r"[=-]+", line)).split()
    for i, (a, b) in enumerate(zip(ours, theirs)):
        if a != b:
            fail("word %d: the page has %r, the text %r" % (i, " ".join(ours[i - 5:i + 5]), " ".join(theirs[i - 5:i + 5])))
    if len(ours) != len(theirs):
        fail("the page has %d words, the text %d" % (len(ours), len(theirs)))
    return len(ours)


def compare_cell(cell, value):
    if value is None:
        good = cell == "\u2013"
    elif isinstance(value, int):
        digits = re.sub(r"[^0-9]", "", cell.split(" ")[0])
        units = re.search(r"\b(bytes|KiB|MiB|GiB)$", cell) or not re.match(r"^-?[0-9,]+( |$)", cell)
        good = bool(units) or int(digits or 0) == abs(value)
    else:
        good = cell == value or cell == value[:16].replace("T", " ")
    if not good:
        fail("the page has %r, JSON %r" % (cell, value))


def compare_cells(page, answer):
    tables = []
    for element in page.iter():
        if element.tag == "table":
            tables.append([[shown(td) for td in tr] for tr in element.find("tbody")])
        elif element.tag == "dl":
            tables.append([[shown(dd) for dd in element.iter("dd")]])
    count = 0
    for section in answer.values():
        for part in section.values() if isinstance(section, dict) else ():
            rows = [part] if isinstance(part, dict) else part
            if not rows:
                continue
            table = tables.pop(0)
            if len(table) != len(rows):
                fail("a table has %d rows on the page, %d in JSON" % (len(table), len(rows)))
            for cells, row in zip(table, rows):
                if len(cells) != len(row):
                    fail("a row has %d cells on the page, %d in JSON" % (len(cells), len(row)))
                for cell, value in zip(cells, row.values()):
                    compare_cell(cell, value)
                    count += 1
    if tables:
        fail("%d tables of the page are not in JSON" % len(tables))
    return count


def check_page(path):
    data = open(path, "rb").read()
    text = data.decode("utf-8")
    page = ElementTree.fromstring(text)
    policy = [m.get("content") for m in page.iter("meta") if m.get("http-equiv") == "Content-Security-Policy"]
    if policy != ["default-src 'none'; style-src 'unsafe-inline'"]:
        fail("policy %r" % policy)
    known = {"lang", "charset", "http-equiv", "content", "name", "class", "style", "scope", "viewBox", "role", "aria-label", "x", "y", "x1",
             "x2", "y1", "y2", "width", "height", "d", "text-anchor"}
    for element in page.iter():
        if element.tag in ("script", "img", "link", "iframe", "object", "embed", "form", "a", "base", "use", "image"):
            fail("an element %s" % element.tag)
        strange = set(element.keys()) - known
        if strange:
            fail("attributes %r of %s" % (strange, element.tag))
        if element.get("style") and not re.fullmatch(r"width:[0-9]{1,3}%", element.get("style")):
            fail("style %r" % element.get("style"))
    style = page.find("head/style").text
    if re.search(r"url\(|@import|//|@font-face", style):
        fail("the style loads something")
    for character in text:
        if ord(character) < 32 and character != "\n" or character in "\x7f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f":
            fail("a control character %r" % character)


def pixels(path):
    """Rows of bytes of a PNG of 8 bits a channel, and bytes of a pixel."""
    data = open(path, "rb").read()
    width, height = (int.from_bytes(data[i:i + 4], "big") for i in (16, 20))
    size = {2: 3, 6: 4}[data[25]]
    packed, at = b"", 8
    while at < len(data):
        length = int.from_bytes(data[at:at + 4], "big")
        if data[at + 4:at + 8] == b"IDAT":
            packed += data[at + 8:at + 8 + length]
        at += 12 + length
    raw, line, before = zlib.decompress(packed), width * size, bytearray(width * size)
    for y in range(height):
        kind, row = raw[y * (line + 1)], bytearray(raw[y * (line + 1) + 1:(y + 1) * (line + 1)])
        for i in range(line) if kind else ():
            left, up, corner = (row[i - size], before[i], before[i - size]) if i >= size else (0, before[i], 0)
            if kind == 4:
                a, b, c = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
                guess = left if a <= b and a <= c else up if b <= c else corner
            else:
                guess = (0, left, up, (left + up) // 2)[kind]
            row[i] = row[i] + guess & 255
        yield row, size
        before = row


def check_picture(path, width):
    dark = rows = 0
    for row, size in pixels(path):
        rows += 1
        if len(row) != width * size:
            fail("the picture is %d wide" % (len(row) // size))
        dark += sum(1 for value in row[::size] if value < 128)
        if any(value < 250 for value in row[len(row) - 8 * size::size]):
            fail("something reaches the right edge in row %d" % rows)
    if not width * rows // 200 < dark < width * rows // 2:
        fail("%d of %d pixels are dark" % (dark, width * rows))


def main():
    what, paths = sys.argv[1], sys.argv[2:]
    if what == "same":
        page = ElementTree.parse(paths[0]).getroot()
        words = compare_words(page, open(paths[1], encoding="utf-8").read())
        cells = compare_cells(page, json.load(open(paths[2], encoding="utf-8")))
        print("%d words, %d cells" % (words, cells))
        if words < 100 or cells < 40:
            fail("hardly anything was compared")
    elif what == "page":
        check_page(paths[0])
    elif what == "picture":
        check_picture(paths[0], int(paths[1]))
    elif what == "paper":
        boxes = re.findall(rb"/MediaBox *\[0 0 ([0-9.]+) ([0-9.]+)\]", open(paths[0], "rb").read())
        if not boxes or any(abs(float(w) - 595) > 1 or abs(float(h) - 842) > 1 for w, h in boxes):
            fail("pages %r" % boxes)
    else:
        fail("no such check")


main()
