#!/usr/bin/env python3
"""The evil names: what somebody hostile would call a file, a member or a key. 200 and more, by kind, as bytes.

    names.py           how many of each kind
    names.py show      all of them, as Python writes bytes

NAMES is the list of (kind, name). on_disk(name) says whether a file of this system can bear it; some hold a NUL or a
slash, or are too long. A name is for one place at a time: each driver in this folder brings all of them to its own.
"""
import collections
import sys

OUT = "su-evil"  # what a name that works would make somewhere else; drivers look for it afterwards


def corpus():
    def add(kind, *names):
        made.extend((kind, n.encode("utf-8", "surrogatepass") if isinstance(n, str) else n) for n in names)

    made = []
    up = [f"../{OUT}", f"../../{OUT}", f"../../../{OUT}", "../" * 8 + OUT, "../" * 40 + f"tmp/{OUT}", f"./../{OUT}", f"x/../../{OUT}", f"x/./../../{OUT}", f"x//..//..//{OUT}",
          f"....//....//{OUT}", f"..././..././{OUT}", f"x/../../../../etc/{OUT}", "..", ".", "../", "./", "../..", f"../{OUT}/", f"..;/{OUT}", f"{OUT}/../../{OUT}",
          f"%2e%2e/{OUT}", f"%2e%2e%2f{OUT}", f"..%2f{OUT}", f"..%c0%af{OUT}", f"..%252f{OUT}", f"..%5c{OUT}", f"..\u2215{OUT}", f"..\uff0f{OUT}", f"\uff0e\uff0e/{OUT}", f"\u2025/{OUT}",
          b"..\xc0\xaf" + OUT.encode(), b"\xc0\xae\xc0\xae/" + OUT.encode(), b"..\xe0\x80\xaf" + OUT.encode(), b"..\xf0\x80\x80\xaf" + OUT.encode()]
    add("traversal", *up)
    add("backslash", f"..\\{OUT}", f"..\\..\\{OUT}", f"x\\..\\..\\{OUT}", f"..\\/..\\/{OUT}", f".\\..\\{OUT}", "..\\" * 8 + OUT, "\\", "..\\", f"\\{OUT}", f"x\\{OUT}", f"\\..\\{OUT}", f"..\\\\..\\\\{OUT}")
    add("absolute", f"/tmp/{OUT}", f"//tmp/{OUT}", f"/./tmp/{OUT}", f"/../tmp/{OUT}", "/", "//", "/etc/passwd", "/dev/stdout", "/dev/zero", "/proc/self/mem", "/proc/self/fd/1", f"/var/tmp/{OUT}", f"~/{OUT}",
        f"~root/{OUT}", "$HOME/" + OUT, f"file:///tmp/{OUT}")
    add("drive", f"C:\\{OUT}", f"C:/{OUT}", f"c:{OUT}", "C:", f"C:..\\..\\{OUT}", f"Z:\\{OUT}", "A:", f"1:{OUT}", f"\\C:\\{OUT}", f"%SYSTEMROOT%\\{OUT}", f"%SystemDrive%\\{OUT}")
    add("unc", f"\\\\server\\share\\{OUT}", f"//server/share/{OUT}", f"\\\\?\\C:\\{OUT}", f"\\\\?\\UNC\\server\\share\\{OUT}", "\\\\.\\PhysicalDrive0", f"\\\\.\\pipe\\{OUT}", f"\\??\\C:\\{OUT}",
        f"\\\\127.0.0.1\\c$\\{OUT}", f"\\\\localhost\\ADMIN$\\{OUT}", "\\\\.\\GLOBALROOT\\Device\\Harddisk0", f"\\Device\\HarddiskVolume1\\{OUT}")
    add("nul", b"\0", b"a\0b", b"package.xml\0.txt", b"MANIFEST.TXT\0", b"a.cab\0/../../x", b"\0package.xml", b"x\0\0\0")
    add("control", *(bytes([c]) for c in (1, 7, 8, 9, 10, 11, 12, 13, 14, 27, 31, 127)), "a\nb", "a\rb", "a\r\nb\r\n", "a\tb", "a\x1b[31mb", "a\x1b[2J\x1b[H", "\x1b]0;owned\x07", "\x1b]52;c;b3duZWQ=\x07",
        "\x1b[?1049h", "\x1bc", "\x1bP+q544e\x1b\\", "x\x08\x08\x08y", "\nSUCCESS\n", "a\n  Nothing was written.", "\u0085", "a\u009b31mb", "\u0090x\u009c", "\u2028", "a\u2029b")
    add("bidi", "\u202egpj.exe", "a\u202db", "a\u202ab\u202c", "a\u202bb", "\u2066a\u2069", "\u2067a", "\u2068a", "\u200ea", "\u200fa", "\u061ca", "cab.\u202ebac.exe", "\u202e\u202e\u202e")
    add("invisible", "\u200b", "a\u200bb", "a\u200cb", "a\u200db", "\ufeffMANIFEST.TXT", "a\u00adb", "a\u2060b", "\u3164", "\u00a0", "a\ufff9b\ufffb", "\U000e0041\U000e0042", "a\ufe0f")
    add("invalid", b"\x80", b"\xff", b"\xfe\xff", b"a\xffb", b"\xc3", b"\xc3(", b"\xe2\x82", b"\xe2(\xa1", b"\xf0\x9f\x98", b"\xf0(\x8c\xbc", b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xed\xa0\xbd\xed\xb8\x80", b"\xf4\x90\x80\x80",
        b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80", b"\xc0\x80", b"\xc1\xbf", b"\xe0\x9f\xbf", b"name-\xe4\xf6\xfc", b"\xff" * 200)
    add("normal-form", "\u00e9", "e\u0301", "\u00c5", "\u212b", "A\u030a", "\ufb01le", "file\u0301", "\u1e9b\u0323", "\uac00", "\u1100\u1161", "\u0130", "\u0131", "\u017f", "\u212a", "stra\u00dfe", "STRASSE",
        "\uff2d\uff21\uff2e\uff29\uff26\uff25\uff33\uff34.TXT", "m\u0430nifest.txt", "MAN\u0406FEST.TXT", "a" + "\u0300" * 100)
    add("case", "manifest.txt", "Manifest.Txt", "MANIFEST.txt", "verify.TXT", "Verify.txt", "slip.txt", "SLIP.htm", "su000001.001", "Su000001.001", "PACKAGE.XML", "Metadata.TXT", "INDEX.XML", "full.syn", "Self.Syn")
    add("reserved", "CON", "con", "PRN", "AUX", "NUL", "nul.txt", "COM1", "com9.log", "LPT1", "LPT9.cab", "CON.", "CON ", "aux.c", "COM\u00b9", "LPT\u00b2", "CONIN$", "CONOUT$", "CLOCK$", "KEYBD$", "$MFT", "$Extend", "desktop.ini", "autorun.inf", "Thumbs.db",
        ".DS_Store", "lost+found", "System Volume Information", "RECYCLER")
    add("trailing", "a.", "a..", "a ", "a  ", "a. ", "a .", " a", "  ", " ", "...", ". ", ".. ", "MANIFEST.TXT.", "MANIFEST.TXT ", "VERIFY.txt.", "SU000001.001 ", "SU000001.001.")
    add("stream", "a:b", "a::$DATA", "MANIFEST.TXT::$DATA", "MANIFEST.TXT:x", ":x", "a:b:$DATA", "SU000001.001:evil.exe", "a:Zone.Identifier", "::$INDEX_ALLOCATION", "x:$I30:$INDEX_ALLOCATION")
    add("wildcard", "*", "?", "*.cab", "a*b", "a|b", "<a>", "\"a\"", "a>b", "[a]", "{a,b}", "!a", "#a")
    add("shell", "-rf", "--help", "--home=/tmp/" + OUT, "-", "--", "`id`", f"$(touch {OUT})", f"; touch {OUT}", f"| touch {OUT}", f"& touch {OUT}", f"a'; touch {OUT}; '", "${IFS}", "a\\nb", "%s%s%s%n", "%n%n%n%n", "%1$*2$d", "@/etc/passwd", "'", "\"",
        "'; DROP TABLE trust; --", "\" OR 1=1 --", "<script>alert(1)</script>", "&amp;&lt;", "]]>", "<!--", "]LOG]!>", "{{7*7}}", "=cmd|'/c calc'!A0", "+1+1")
    add("twins", ".MANIFEST.TXT", "MANIFEST.TXT~", "MANIFEST.TXT.partial", "~MANIFEST.TXT", "MANIFE~1.TXT", "SU0000~1.001", "SU000001.002", "SU000001.000", "SU000001.R01", "00000000.SIG", "deadbeef.SIG", "DEADBEEF.sig", ".tmp-1-1", "x.partial")
    add("length", "a" * 254, "a" * 255, "a" * 256, "a" * 300, "a" * 1000, "a" * 4096, "a" * 60000, "x/" * 200 + "a", "x/" * 2100 + "a", "\u00e9" * 127, "\u00e9" * 128, "\U0001f600" * 63, "\U0001f600" * 64, "." * 255, "../" * 1000 + OUT, "")
    return made


NAMES = corpus()


def on_disk(name):
    return 0 < len(name) <= 255 and b"/" not in name and b"\0" not in name and name not in (b".", b"..")


def in_xml(name):
    """As the value of an attribute, or None: XML 1.0 has no place for it."""
    try:
        text = name.decode()
    except UnicodeDecodeError:
        return None
    if any(ord(c) < 32 and c not in "\t\n\r" or ord(c) in (0xfffe, 0xffff) for c in text):
        return None
    return "".join(c if c.isalnum() and ord(c) < 128 else f"&#{ord(c)};" for c in text)


if __name__ == "__main__":
    if sys.argv[1:] == ["show"]:
        for kind, name in NAMES:
            print(kind, name)
    else:
        for kind, count in collections.Counter(kind for kind, _ in NAMES).items():
            print(f"{count:5d} {kind}")
        print(f"{len(NAMES):5d} names, {len(set(n for _, n in NAMES))} of them different, {sum(on_disk(n) for _, n in NAMES)} can lie on a disk")
