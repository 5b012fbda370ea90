#!/usr/bin/env python3
"""check_upstream.py WHAT URL - does the test upstream say no, count and misbehave as it should?

WHAT is `no`, `anchors` or `faults`. A test server that takes everything proves nothing of who passes it.

check_upstream.py chosen PACKAGE DATABASE PRODUCT... - CLASSIFICATION... - does the hub hold what was chosen, and no more?
By package.xml: the newest revision of every category and detectoid, of the updates of those products and
classifications, and what these bundle, in bundles of bundles too.
"""
import base64
import http.client
import os
import re
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
import xml.etree.ElementTree as ET

from upstream_client import AUTH, SYNC, Client, Refused
import upstream_fault
from check_documents import records

ID = "<UpdateIdentity><UpdateID>{}</UpdateID><RevisionNumber>{}</RevisionNumber></UpdateIdentity>"
SECURITY = "0fa1201d-4330-4fa8-8ae9-b877473b6441"
FAMILIES = ("367f5dfc-50b0-4998-82b7-eae902dd3e77", "89b5c549-fcfe-4628-846d-73ba180b52e6")
SERVER_2025 = "52750f63-97f4-442a-85af-357b47acfd39"


def control(url, order):
    urllib.request.urlopen(urllib.request.Request(f"{url}/control?{order}", b"", method="POST")).read()


def refused(code, name, call, *arguments, **more):
    try:
        call(*arguments, **more)
    except Refused as problem:
        assert problem.args[1] == code and (name is None or problem.args[2] == name), f"{problem.args}, expected {code} {name}"
        return
    raise AssertionError(f"taken, expected {code} {name}")


def no(url):
    client = Client(url)
    client.connect()
    _, keys = client.list(True)
    good = ID.format(*keys[0])

    def data(inside):
        return client.call, "GetUpdateData", f"<updateIds>{inside}</updateIds>"
    client.call("GetUpdateData", f"<updateIds>{good}</updateIds>")
    # A batch: at its limit, one past it, with one id nobody knows, with a known id in another revision.
    client.call("GetUpdateData", f"<updateIds>{good * 100}</updateIds>")
    refused("InvalidParameters", "updateIds", *data(good * 101))
    refused("InternalServerError", "", *data(good + ID.format("00000000-1111-2222-3333-444444444444", 1)))
    refused("InternalServerError", "", *data(ID.format(keys[0][0], 9999)))
    # The form: a missing element, one too many, unknown, out of order, of another namespace, with text or attributes about.
    refused("InvalidParameters", "updateIds", client.call, "GetUpdateData", "")
    refused("InvalidParameters", "updateIds", client.call, "GetUpdateData", f"<updateIds>{good}</updateIds>" * 2)
    refused("InvalidParameters", "more", client.call, "GetUpdateData", f"<updateIds>{good}</updateIds><more />")
    refused("InvalidParameters", "UpdateID", *data("<UpdateIdentity><RevisionNumber>1</RevisionNumber><UpdateID>%s</UpdateID></UpdateIdentity>" % keys[0][0]))
    refused("InvalidParameters", "updateIds", client.call, "GetUpdateData", f'<updateIds xmlns="urn:other">{good}</updateIds>')
    refused("InvalidParameters", "updateIds", *data("text" + good))
    refused("InvalidParameters", "UpdateIdentity", *data(good.replace("<UpdateIdentity>", '<UpdateIdentity a="1">')))
    refused("InvalidParameters", "UpdateID", *data(ID.format("no-guid", 1)))
    refused("InvalidParameters", "RevisionNumber", *data(ID.format(keys[0][0], "one")))
    refused("InvalidParameters", "GetConfig", client.call, "GetRevisionIdList", "<filter><DssProtocolVersion /><GetConfig>true</GetConfig>"
            "<Get63LanguageOnly>false</Get63LanguageOnly></filter>")  # reserved, never sent
    refused("InvalidParameters", "GetConfig", client.call, "GetRevisionIdList", "<filter><Get63LanguageOnly>false</Get63LanguageOnly></filter>")
    refused("InvalidParameters", "GetConfig", client.call, "GetRevisionIdList", "<filter><GetConfig>yes</GetConfig><Get63LanguageOnly>false</Get63LanguageOnly></filter>")
    # The envelope, the action, the path.
    whole = f'<GetAuthConfig xmlns="{SYNC}" />'
    for body, headers, path, status in (
            (whole, {}, None, 500), ("<!DOCTYPE a []><a />", {}, None, 500), ("<a", {}, None, 500),
            (whole, {"Content-Type": "application/soap+xml"}, None, 415), (whole, {}, "/elsewhere", 404)):
        found, _ = client.raw(body, {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{SYNC}/GetAuthConfig"', **headers},
                              path or "/ServerSyncWebService/ServerSyncWebService.asmx")
        assert found == status, (body, headers, path, found)
    envelope = f'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>{whole}</s:Body></s:Envelope>'
    for action, status in ((f'"{SYNC}/GetAuthConfig"', 200), (f"{SYNC}/GetAuthConfig", 500), (f'"{SYNC}/GetCookie"', 500)):
        found, _ = client.raw(envelope, {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": action})
        assert found == status, (action, found)
    refused("InvalidParameters", "path", client.call, "GetAuthConfig", with_cookie=False, path="/DssAuthWebService/DssAuthWebService.asmx")
    refused("InvalidParameters", "GetDriverIdList", client.call, "GetDriverIdList")
    # Authorization and cookie.
    account = "<accountName>{}</accountName><accountGuid>{}</accountGuid><programKeys />"
    for name, guid, what in (("", "11111111-2222-3333-4444-555555555555", "machineName"), ("a b", "11111111-2222-3333-4444-555555555555", "machineName"), ("a", "x", "accountGuid")):
        refused("InvalidParameters", what, client.call, "GetAuthorizationCookie", account.format(name, guid), AUTH, False)
    permit = client.call("GetAuthorizationCookie", account.format("a", "11111111-2222-3333-4444-555555555555"), AUTH, False).findtext(f".//{{{AUTH}}}CookieData")
    ask = "<authCookies><AuthorizationCookie><PlugInId>{}</PlugInId><CookieData>{}</CookieData></AuthorizationCookie></authCookies><protocolVersion>{}</protocolVersion>"
    for plugin, data_, version, code in (("DssTargeting", permit, "2.0", "IncompatibleProtocolVersion"), ("DssTargeting", permit, "one", "InvalidParameters"),
                                         ("Other", permit, "1.20", "InvalidAuthorizationCookie"), ("DssTargeting", "AAEC", "1.20", "InvalidAuthorizationCookie")):
        refused(code, None, client.call, "GetCookie", ask.format(plugin, data_, version), with_cookie=False)
    refused("InvalidCookie", "cookie", client.call, "GetConfigData", with_cookie=False)
    right = client.cookie
    for change in (lambda c: re.sub(r"(<EncryptedData>)(.)", lambda m: m[1] + ("B" if m[2] == "A" else "A"), c), lambda c: c.replace("Z</Exp", "1Z</Exp", 1).replace("01Z", "1Z"),
                   lambda c: re.sub(r"<EncryptedData>.*</EncryptedData>", f"<EncryptedData>{permit}</EncryptedData>", c)):
        client.cookie = change(right)
        assert client.cookie != right
        refused("InvalidCookie", "", client.call, "GetConfigData")
    control(url, "cookie-life=1")
    client.connect()
    client.call("GetConfigData")
    time.sleep(1.1)
    refused("InvalidCookie", "expired", client.call, "GetConfigData")
    control(url, "cookie-life=100")
    client.connect()
    # What Microsoft's limits say elsewhere.
    digest = "<base64Binary>AAAAAAAAAAAAAAAAAAAAAAAAAAA=</base64Binary>"
    refused("InvalidParameters", "fileDigestList", client.call, "DownloadFiles", f"<fileDigestList>{digest * 101}</fileDigestList>")
    refused("InvalidParameters", "syncAnchor", client.call, "GetDeployments", "")


def anchors(url, other_url):
    client = Client(url)
    client.connect()
    config, categories = client.list(True)
    product, kind = [(SERVER_2025, False)], [(SECURITY, False)]
    every = [(i, False) for i, _ in categories]
    updates, first = client.list(False, None, product, kind)
    assert 0 < len(first) < 12, "a product is a part"
    assert client.list(False)[1] == client.list(False, None, product)[1] == client.list(False, None, (), kind)[1] == [], "both are needed"
    assert client.list(False, None, kind, product)[1] == [], "one is not the other"
    whole = client.list(False, None, every, every)[1]
    assert len(whole) == 24 and len({i for i, _ in whole}) == 24, "the newest revision of each"
    families = [client.list(False, None, [(i, False)], kind)[1] for i, _ in categories if i in FAMILIES]
    assert any(set(first) <= set(family) for family in families) and not all(set(first) <= set(family) for family in families), "a family is its products"
    # The order means nothing; it is always the same, and never that of the package.
    assert whole == client.list(False, None, every, every)[1] and whole != sorted(whole)
    assert client.list(True, config)[1] == [], "no new category"
    delta = [(SERVER_2025, True)], [(SECURITY, True)]
    assert client.list(False, updates, *delta)[1] == [], "nothing new"
    assert sorted(client.list(False, updates, product, delta[1])[1]) == sorted(first), "Delta=false: everything of it again"
    control(url, "month=2")
    later, changed = client.list(False, updates, *delta)
    assert len(changed) == 2, changed  # a new bundle and its child
    more = client.list(False, updates, [(i, True) for i, _ in every], [(i, True) for i, _ in every])[1]
    # and a newer revision, one that expired, and a document that changed under its old number
    assert len(more) == 5 and set(changed) < set(more), more
    assert client.list(False, later, *delta)[1] == []
    # Opaque, but not anything: a wrong form, the anchor of another operation, that of another server.
    for bad in ("x", "1", config, "0,2026-01-01 00:00:00"):
        refused("InvalidParameters", "filter:Anchor", client.list, False, bad, product, kind)
    refused("InvalidParameters", "filter:Anchor", client.list, True, updates)
    refused("InvalidParameters", "configAnchor", client.call, "GetConfigData", f"<configAnchor>{updates}</configAnchor>")
    other = Client(other_url)
    other.connect()
    refused("ServerChanged", "", other.list, False, updates, product, kind)
    # An update that left the list can still be had by its id.
    gone = set(whole) - set(client.list(False, None, every, every)[1])
    assert gone and set(client.data(sorted(gone))[0]) == gone


def ask(url, patience=60):
    """(status, body, how it ended) of a GetRevisionIdList."""
    parts = urllib.parse.urlsplit(url)
    line = http.client.HTTPConnection(parts.hostname, parts.port, timeout=patience)
    client = Client(url)
    client.connect()
    client.line = line
    body = ('<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
            f'<GetRevisionIdList xmlns="{SYNC}">{client.cookie}<filter><GetConfig>true</GetConfig><Get63LanguageOnly>false</Get63LanguageOnly></filter></GetRevisionIdList></s:Body></s:Envelope>')
    got = b""
    try:
        line.request("POST", "/ServerSyncWebService/ServerSyncWebService.asmx", body.encode(), {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{SYNC}/GetRevisionIdList"'})
        answer = line.getresponse()
        while len(got) < 3_000_000:
            piece = answer.read1(65536)
            if not piece:
                break
            got += piece
        return answer.status, got, "short" if answer.length else "whole" if len(got) < 3_000_000 else "more"
    except http.client.RemoteDisconnected:
        return 0, got, "drop"
    except http.client.IncompleteRead as problem:
        return 200, got + problem.partial, "short"
    except TimeoutError:
        return 200, got, "waits"
    finally:
        line.close()


def stream(url, keys):
    """(length, first bytes) of a GetUpdateData answer."""
    client = Client(url)
    client.connect()
    body = ('<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
            f'<GetUpdateData xmlns="{SYNC}">{client.cookie}<updateIds>{"".join(ID.format(*key) for key in keys)}</updateIds></GetUpdateData></s:Body></s:Envelope>')
    client.line.request("POST", "/ServerSyncWebService/ServerSyncWebService.asmx", body.encode(), {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{SYNC}/GetUpdateData"'})
    answer = client.line.getresponse()
    start = answer.read(100_000)
    count = len(start)
    while True:
        piece = answer.read(1 << 20)
        if not piece:
            return count, start
        count += len(piece)


def faults(url):
    _, right, _ = ask(url)
    half = len(right) // 2
    want = {
        "drop": (0, "drop", lambda b: b == b""), "truncated": (200, "short", lambda b: len(b) == half), "http-401": (401, "whole", None), "http-403": (403, "whole", None),
        "http-404": (404, "whole", None), "http-500": (500, "whole", lambda b: b"html" in b), "http-503": (503, "whole", None), "redirect": (302, "whole", None),
        "slow": (200, "whole", lambda b: len(b) == len(right) and time.monotonic() - started > 2), "stalled": (200, "waits", lambda b: len(b) == half), "garbage": (200, "whole", lambda b: len(b) == 5000),
        "not-xml": (200, "whole", lambda b: b"html" in b), "laughs": (200, "whole", lambda b: b"ENTITY" in b), "deep": (200, "whole", lambda b: b.count(b"<a>") == 100_000),
        "endless": (200, "more", None), "length-long": (200, "short", lambda b: len(b) == len(right)), "length-short": (200, "whole", lambda b: len(b) == half),
        "other-bytes": (200, "whole", lambda b: len(b) == len(right) and sum(x != y for x, y in zip(b, right)) >= 1), "fault-bare": (200, "whole", lambda b: b"Fault" in b and b"ErrorCode" not in b),
        "empty-result": (200, "whole", lambda b: b"<GetRevisionIdListResult></" in b), "other-answer": (200, "whole", lambda b: b"<PingResponse" in b)}
    for name, (status, end, is_so) in want.items():
        control(url, f"fault={name}@GetRevisionIdList:1")
        started = time.monotonic()
        found = ask(url, 1 if name == "stalled" else 60)
        assert (found[0], found[2]) == (status, end) and (not is_so or is_so(found[1])), (name, found[0], found[2], len(found[1]), found[1][:200])
        assert ask(url)[2] == "whole", f"{name} did not end"
    client = Client(url)
    client.connect()
    _, keys = client.list(True)
    right = client.data(keys[:4])[0]
    for code in upstream_fault.CODES:
        control(url, f"fault={code}@GetUpdateData:2")
        client.data(keys[:3])
        refused(code, None, client.data, keys[:3])
        client.data(keys[:3])
    for name in upstream_fault.SPOILED:
        control(url, f"fault={name}@GetUpdateData:1")
        if name in ("bomb", "oversized"):  # these are looked at from a distance
            count, start = stream(url, keys[:1])
            cabinet = re.search(b"<XmlUpdateBlobCompressed>([A-Za-z0-9+/]{800})", start)
            unpacked = int.from_bytes(base64.b64decode(cabinet[1])[44:48], "little") if cabinet else count
            assert unpacked > 70_000_000 and (count < 10_000_000 or name == "oversized"), (name, count, unpacked)
            continue
        try:
            found = client.data(keys[:4])[0]
        except (AssertionError, subprocess.CalledProcessError, UnicodeDecodeError):
            found = None  # the reference client stumbles over what is not as it should be
        assert found != right or name == "duplicate", name  # that one a dictionary does not show
    control(url, "fault=cookie-wrong@GetCookie:1")
    client.connect()
    refused("InvalidCookie", None, client.call, "GetConfigData")
    for order in ("fault=nonsense@1", "fault=drop", "month=3", "something=1"):
        try:
            control(url, order)
            raise AssertionError(f"taken: {order}")
        except urllib.error.HTTPError as problem:
            assert problem.code == 400


def chosen(folder, database, *names):
    with open(os.path.join(folder, "metadata.txt"), "rb") as file:
        documents = {(guid.lower(), revision): document for guid, revision, document in records(file.read())}
    newest = {}
    for guid, revision in documents:
        newest[guid] = max(newest.get(guid, 0), revision)
    title = re.compile(rb"<upd:Language>en</upd:Language><upd:Title>([^<]*)<")
    ids = {title.search(documents[key])[1].decode(): key[0] for key in newest.items() if b'UpdateType="Category"' in documents[key]}
    cut = names.index("-")
    products, classifications = ({ids[name] for name in part} for part in (names[:cut], names[cut + 1:]))
    want = {key for key in newest.items() if re.search(rb'UpdateType="(Category|Detectoid)"', documents[key])}
    for update in ET.parse(os.path.join(folder, "package.xml")).getroot().iter("Update"):
        key = update.attrib["UpdateId"], int(update.attrib["RevisionNumber"])
        values = {e.attrib["Value"] for e in update.iter("Category")}, {e.attrib["Value"] for e in update.iter("Classification")}
        if newest[key[0]] == key[1] and values[0] & products and values[1] & classifications:
            want.add(key)
    listed, rest = len(want), list(want)
    while rest:
        for group in re.findall(rb"<upd:BundledUpdates>(.*?)</upd:BundledUpdates>", documents[rest.pop()], re.S):
            for guid, revision in re.findall(rb'UpdateID="([^"]*)" RevisionNumber="([0-9]*)"', group):
                key = guid.decode().lower(), int(revision)
                if key not in want:
                    want.add(key)
                    rest.append(key)
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    have = {(str(uuid.UUID(bytes=i)), r) for i, r in connection.execute("SELECT update_id, revision FROM revision")}
    assert have == want, f"too many: {sorted(have - want)}, missing: {sorted(want - have)}"
    print(f"{len(want)} of {len(documents)} revisions, {len(want) - listed} because others bundle them")


if __name__ == "__main__":
    {"no": no, "anchors": anchors, "faults": faults, "chosen": chosen}[sys.argv[1]](*sys.argv[2:])
