"""upstream_fault.py - how the test upstream misbehaves, on order.

A fault is NAME@WHEN or NAME@OPERATION:WHEN; WHEN is N for the N-th call after the fault was ordered, N+ for
that and all later ones, N-M for those. Calls are counted by operation (Content is one), or all together.
"""
import base64
import functools
import random
import re
import socket
import time

from upstream_data import bomb
from upstream_soap import Fault

CODES = ("InvalidParameters", "InvalidCookie", "InvalidAuthorizationCookie", "InternalServerError", "IncompatibleProtocolVersion",
         "ServerChanged", "FileDigestsMissing", "ServerBusy", "TooManyIds")
SPOILED = {
    "cut": "half of the updates asked for are left out",
    "duplicate": "one update comes twice",
    "stranger": "an update comes that was never asked for",
    "other-document": "an update comes with the document of another",
    "blob-none": "an update comes without document",
    "blob-both": "an update comes with both kinds of document",
    "blob-damaged": "a compressed document has a wrong byte",
    "blob-cut": "a compressed document ends early",
    "bomb": "a compressed document unpacks to 1 GiB",
    "oversized": "a document of 72 MB comes as text",
}
ANSWERS = {
    "cookie-wrong": "GetCookie answers with a cookie this server does not know",
    "empty-result": "the answer has the right name and nothing inside",
    "other-answer": "the answer is that of another operation",
    "fault-bare": "a SOAP fault without ErrorCode",
    "url-hostile": "addresses hold line ends and bytes that move a terminal's cursor",
    "anchor-long": "the anchor has 100,000 characters",
    "identity-bad": "revision numbers below zero",
    "languages-hostile": "names of languages are long and move a terminal's cursor",
}
TRANSPORT = {
    "drop": "the connection is closed without an answer",
    "truncated": "the connection is closed after half of the answer",
    "http-401": "HTTP 401", "http-403": "HTTP 403", "http-404": "HTTP 404", "http-500": "HTTP 500 with a page, no SOAP",
    "http-503": "HTTP 503 with Retry-After: 1",
    "redirect": "HTTP 302 to another server's address",
    "slow": "the answer comes in 100 pieces over 3 seconds",
    "stalled": "half of the answer comes, then nothing for 10 minutes",
    "garbage": "random bytes instead of the answer", "not-xml": "a page of HTML instead of the answer",
    "laughs": "entities that unfold a billion times",
    "deep": "elements nested 100,000 deep",
    "endless": "an answer that does not end",
    "length-long": "Content-Length announces more than comes", "length-short": "Content-Length announces half of what comes",
    "other-bytes": "one byte of the answer is another (for Content)",
}
NAMES = {**{code: "the SOAP fault of that ErrorCode" for code in CODES}, **SPOILED, **ANSWERS, **TRANSPORT}


class Order:
    """One fault on order."""

    def __init__(self, text, operations):
        match = re.fullmatch(r"([A-Za-z0-9-]+)@(?:([A-Za-z]+):)?([0-9]+)(\+|-[0-9]+)?", text)
        if not match or match[1] not in NAMES or (match[2] and match[2] not in operations):
            raise ValueError(f"no such fault: {text}")
        self.name, self.operation, self.first, self.calls = match[1], match[2], int(match[3]), 0
        self.last = self.first if not match[4] else float("inf") if match[4] == "+" else int(match[4][1:])

    def is_due(self, operation):
        if self.operation not in (None, operation):
            return False
        self.calls += 1
        return self.first <= self.calls <= self.last


def change_blob(entry, change):
    """The entry with its compressed document changed; plain documents become compressed nonsense."""
    match = re.search(r"<XmlUpdateBlobCompressed>([^<]*)</XmlUpdateBlobCompressed>", entry)
    if match:
        return entry[:match.start(1)] + base64.b64encode(change(base64.b64decode(match[1]))).decode() + entry[match.end(1):]
    cabinet = base64.b64encode(change(bomb(65536))).decode()
    entry = re.sub(r"<XmlUpdateBlob>.*?</XmlUpdateBlob>", "", entry, flags=re.S)
    return entry.replace("</ServerSyncUpdateData>", f"<XmlUpdateBlobCompressed>{cabinet}</XmlUpdateBlobCompressed></ServerSyncUpdateData>")


@functools.cache
def great_bomb():
    return bomb(1 << 30)


def spoil(name, entries, updates, data):
    """What GetUpdateData answers instead of entries."""
    last = entries[-1]
    identity = re.search(r"<Id>.*?</Id>", last)[0]
    stranger = data.blob(next(one for one in data.known.values() if one not in updates))
    if name == "cut":
        return entries[:len(entries) // 2]
    if name == "duplicate":
        return entries + [last]
    if name == "stranger":
        return entries + [stranger]
    if name == "other-document":
        changed = re.sub(r"<Id>.*?</Id>", identity, stranger)
    elif name == "blob-none":
        changed = re.sub(r"<(XmlUpdateBlob(Compressed)?)>.*?</\1>", "", last, flags=re.S)
    elif name == "blob-both":
        changed = re.sub(r"</Id>(<XmlUpdateBlob>.*?</XmlUpdateBlob>)?", "</Id><XmlUpdateBlob>&lt;a /&gt;</XmlUpdateBlob>", last, flags=re.S)
        if "<XmlUpdateBlobCompressed>" not in changed:
            changed = changed.replace("</ServerSyncUpdateData>", f"<XmlUpdateBlobCompressed>{base64.b64encode(bomb(65536)).decode()}</XmlUpdateBlobCompressed></ServerSyncUpdateData>")
    elif name == "blob-damaged":
        changed = change_blob(last, lambda cab: cab[:len(cab) * 2 // 3] + bytes([cab[len(cab) * 2 // 3] ^ 0x41]) + cab[len(cab) * 2 // 3 + 1:])
    elif name == "blob-cut":
        changed = change_blob(last, lambda cab: cab[:len(cab) // 2])
    elif name == "bomb":
        changed = change_blob(re.sub(r"<XmlUpdateBlobCompressed>.*?</XmlUpdateBlobCompressed>", "", last), lambda _: great_bomb())
    else:
        changed = f"<ServerSyncUpdateData>{identity}<XmlUpdateBlob>{'a' * 72_000_000}</XmlUpdateBlob></ServerSyncUpdateData>"
    return entries[:-1] + [changed]


def change_result(name, result):
    """What an operation answers instead of result."""
    if name == "cookie-wrong":
        return re.sub("<(EncryptedData|CookieData)>[^<]*", r"<\1>AAECAwQFBgc=", result)
    if name == "empty-result":
        return ""
    if name == "url-hostile":
        return result.replace("<MUUrl>", "<MUUrl>http://a/&#10;0123456789012345678901234567890123456789 http://b/\x9b2J&#9;")
    if name == "anchor-long":
        return re.sub("<Anchor>[^<]*", "<Anchor>" + "9" * 100_000, result)
    if name == "identity-bad":
        return result.replace("<RevisionNumber>", "<RevisionNumber>-")
    if name == "languages-hostile":
        return re.sub("<(ShortLanguage|LongLanguage)>", lambda m: m[0] + "\x9b2J&#10;" + "x" * 5000, result)
    return result


def code_fault(code, operation):
    return Fault(code, {"InvalidParameters": "parameters", "FileDigestsMissing": "AAAAAAAAAAAAAAAAAAAAAAAAAAA="}.get(code, ""))


LAUGHS = ('<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a0 "ha">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
          + ']><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body><l>&a9;</l></soap:Body></soap:Envelope>').encode()
PAGE = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body><p>Please accept the terms of use.<br></body></html>"


def bodies(name, body):
    """Other bodies that come with HTTP 200 and a right length."""
    if name == "garbage":
        return random.Random(1).randbytes(5000)
    if name == "not-xml":
        return PAGE
    if name == "laughs":
        return LAUGHS
    if name == "deep":
        return body.replace(b"<soap:Body>", b"<soap:Body>" + b"<a>" * 100_000, 1).replace(b"</soap:Body>", b"</a>" * 100_000 + b"</soap:Body>")
    if name == "other-bytes":
        return body[:len(body) // 2] + bytes([body[len(body) // 2] ^ 1]) + body[len(body) // 2 + 1:]
    return None


def misbehave(handler, name, status, headers, body):
    """Sends the answer as that fault of the transport wants; True when it was sent. The connection ends with it."""
    other = bodies(name, body)
    if other is not None:
        handler.send_whole(status, headers, other)
        return True
    if name.startswith("http-") or name == "redirect":
        code = 302 if name == "redirect" else int(name[5:])
        more = {"Content-Type": "text/html"}
        if code == 503:
            more["Retry-After"] = "1"
        if code == 302:
            more["Location"] = "http://127.0.0.1:9/elsewhere"
        handler.send_whole(code, more, PAGE)
        return True
    if name not in TRANSPORT:
        return False
    handler.close_connection = True
    length = {"length-long": len(body) + 1000, "length-short": len(body) // 2}.get(name, len(body))
    try:
        if name == "drop":
            pass
        elif name == "endless":
            handler.send_head(status, {**headers, "Transfer-Encoding": "chunked"})
            text = b"10000\r\n" + (b"<UpdateIdentity><x/>" * 4000)[:65536] + b"\r\n"
            start = body.find(b"<soap:Body>") + 11
            handler.wfile.write(b"%x\r\n%s\r\n" % (start, body[:start]) if start > 11 else b"")
            for _ in range(1 << 20):
                handler.wfile.write(text)
        else:
            handler.send_head(status, {**headers, "Content-Length": str(length)})
            if name == "slow":
                piece = len(body) // 100 + 1
                for at in range(0, len(body), piece):
                    handler.wfile.write(body[at:at + piece])
                    handler.wfile.flush()
                    time.sleep(0.03)
            else:
                handler.wfile.write(body[:len(body) // 2] if name in ("truncated", "stalled") else body)
                if name == "stalled":
                    handler.wait_for_client(600)
            handler.wfile.flush()
        handler.connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # the client had enough
    return True
