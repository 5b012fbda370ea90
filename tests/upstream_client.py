#!/usr/bin/env python3
"""upstream_client.py - a small reference client for upstream.py, so that the server itself is tested.

As a module: Client speaks the operations. As a program: upstream_client.py URL OUT [--every] does a whole first
synchronization of everything the server lists, writes OUT/metadata.txt, and keeps each answer in OUT/NNN-Operation.xml.
It shares no code with the programs and little with the server: documents come out of cabinets by cabextract.
"""
import base64
import http.client
import os
import re
import subprocess
import sys
import urllib.parse
import xml.etree.ElementTree as ET
from xml.sax.saxutils import escape

SYNC = "http://www.microsoft.com/SoftwareDistribution"
AUTH = SYNC + "/Server/DssAuthWebService"
MONITOR = SYNC + "/Server/IMonitorable"


class Refused(Exception):
    """A SOAP fault."""


class Client:
    def __init__(self, url, keep=None):
        self.url = urllib.parse.urlsplit(url)
        self.line = http.client.HTTPConnection(self.url.hostname, self.url.port, timeout=60)
        self.keep, self.number, self.cookie, self.bytes = keep, 0, "", 0

    def raw(self, body, headers, path="/ServerSyncWebService/ServerSyncWebService.asmx"):
        self.line.request("POST", path, body.encode(), headers)
        answer = self.line.getresponse()
        return answer.status, answer.read()

    def call(self, operation, inside="", namespace=SYNC, with_cookie=True, envelope=True, path=None):
        body = f'<{operation} xmlns="{namespace}">{self.cookie if with_cookie else ""}{inside}</{operation}>'
        if envelope:
            body = ('<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
                    f"{body}</soap:Body></soap:Envelope>")
        path = path or ("/DssAuthWebService/DssAuthWebService.asmx" if namespace == AUTH else "/ServerSyncWebService/ServerSyncWebService.asmx")
        status, answer = self.raw(body, {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{namespace}/{operation}"'}, path)
        self.bytes += len(answer)
        self.number += 1
        if self.keep:
            with open(os.path.join(self.keep, f"{self.number:03}-{operation}.xml"), "wb") as file:
                file.write(answer)
        element = ET.fromstring(answer)
        fault = element.find(".//{http://schemas.xmlsoap.org/soap/envelope/}Fault/detail")
        if status != 200 or fault is not None:
            raise Refused(status, fault.findtext("ErrorCode"), fault.findtext("Message"))
        return element

    @staticmethod
    def text(element, name):
        return element.findtext(f".//{{{SYNC}}}{name}")

    def connect(self):
        config = self.call("GetAuthConfig", with_cookie=False)
        assert self.text(config, "PlugInID") == "DssTargeting"
        one = self.call("GetAuthorizationCookie", "<accountName>hub.example.test</accountName><accountGuid>11111111-2222-3333-4444-555555555555</accountGuid>"
                        "<programKeys />", AUTH, False, path="/" + self.text(config, "ServiceUrl"))
        data = one.findtext(f".//{{{AUTH}}}CookieData")
        one = self.call("GetCookie", f"<authCookies><AuthorizationCookie><PlugInId>DssTargeting</PlugInId><CookieData>{data}</CookieData></AuthorizationCookie></authCookies>"
                        "<protocolVersion>1.20</protocolVersion>", with_cookie=False)
        self.cookie = f"<cookie><Expiration>{self.text(one, 'Expiration')}</Expiration><EncryptedData>{self.text(one, 'EncryptedData')}</EncryptedData></cookie>"

    def identities(self, element):
        return [(i.findtext(f"{{{SYNC}}}UpdateID"), int(i.findtext(f"{{{SYNC}}}RevisionNumber"))) for i in element.iter(f"{{{SYNC}}}UpdateIdentity")]

    def list(self, config, anchor=None, categories=(), classifications=()):
        """(anchor, ids); categories and classifications are (id, delta)."""
        def group(name, items):
            return f"<{name}>" + "".join(f"<IdAndDelta><Id>{i}</Id><Delta>{str(d).lower()}</Delta></IdAndDelta>" for i, d in items) + f"</{name}>" if items else ""
        answer = self.call("GetRevisionIdList", "<filter>" + (f"<Anchor>{escape(anchor)}</Anchor>" if anchor else "") + f"<GetConfig>{str(config).lower()}</GetConfig>"
                           "<Get63LanguageOnly>false</Get63LanguageOnly>" + group("Categories", categories) + group("Classifications", classifications) + "</filter>")
        return self.text(answer, "Anchor"), self.identities(answer)

    def data(self, keys):
        """{(id, revision): (document, digests)} and {digest: address} of one batch."""
        answer = self.call("GetUpdateData", "<updateIds>" + "".join(
            f"<UpdateIdentity><UpdateID>{i}</UpdateID><RevisionNumber>{r}</RevisionNumber></UpdateIdentity>" for i, r in keys) + "</updateIds>")
        updates = {}
        for one in answer.iter(f"{{{SYNC}}}ServerSyncUpdateData"):
            plain, packed = (one.findtext(f"{{{SYNC}}}XmlUpdateBlob{name}") for name in ("", "Compressed"))
            assert bool(plain) != bool(packed), "exactly one of the two blobs"
            if packed:
                with open("blob.cab", "wb") as file:
                    file.write(base64.b64decode(packed))
                wide = subprocess.run(["cabextract", "-q", "-p", "blob.cab"], stdout=subprocess.PIPE, check=True).stdout
                assert len(wide) > 5120, "a short document came in a cabinet"
                plain = wide.decode("utf-16-le")
            else:
                assert len(plain.encode("utf-16-le")) <= 5120, "a long document came as text"
            key = self.text(one, "UpdateID"), int(self.text(one, "RevisionNumber"))
            updates[key] = plain.encode(), [d.text for d in one.iter(f"{{{SYNC}}}base64Binary")]
        return updates, {self.text(u, "FileDigest"): self.text(u, "MUUrl") for u in answer.iter(f"{{{SYNC}}}ServerSyncUrlData")}


def main():
    url, out = sys.argv[1:3]
    os.makedirs(out, exist_ok=True)
    client = Client(url, out)
    client.connect()
    config = client.call("GetConfigData")
    limit = int(client.text(config, "MaxNumberOfUpdatesPerRequest"))
    first_anchor, keys = client.list(True)
    have, urls = {}, {}

    def fetch(wanted):
        wanted = list(wanted)
        while wanted:
            batch, links = client.data(wanted[:limit])
            assert batch and set(batch) <= set(wanted[:limit]), "what was asked for, and only that"
            have.update(batch)
            urls.update(links)
            wanted = [key for key in wanted if key not in batch]
    fetch(keys)
    kinds = {i: re.search(rb'CategoryType="(\w+)"', document) for (i, _), (document, _) in have.items()}
    categories = [(i, False) for i, m in kinds.items() if m and m[1] in (b"Product", b"ProductFamily")]
    classifications = [(i, False) for i, m in kinds.items() if m and m[1] == b"UpdateClassification"]
    if "--every" in sys.argv:
        anchor, keys = client.list(False, None, categories, classifications)
        fetch(keys)
        missing = {None}
        while missing:  # what bundles hold, and what bundles in bundles hold
            missing = {(i.decode().lower(), int(r)) for document, _ in have.values()
                       for group in re.findall(rb"<upd:BundledUpdates>(.*?)</upd:BundledUpdates>", document, re.S)
                       for i, r in re.findall(rb'UpdateID="([^"]*)" RevisionNumber="([0-9]*)"', group)} - set(have)
            fetch(missing)
        assert client.list(False, anchor, [(i, True) for i, _ in categories], [(i, True) for i, _ in classifications])[1] == [], "nothing new"
        client.call("GetUpdateDecryptionData", "<updateIds><UpdateIdentity><UpdateID>%s</UpdateID><RevisionNumber>%d</RevisionNumber></UpdateIdentity></updateIds>" % keys[0])
        client.call("DownloadFiles", "<fileDigestList>" + "".join(f"<base64Binary>{d}</base64Binary>" for d in sorted(urls)[:100]) + "</fileDigestList>")
        client.call("GetRelatedRevisionsForUpdates", f"<updateIDs><guid>{keys[0][0]}</guid></updateIDs>")
        client.call("GetDeployments", f"<syncAnchor>{anchor}</syncAnchor>")
        client.call("Ping", "<pingLevel>1</pingLevel>", MONITOR, with_cookie=False)
    assert client.list(True, first_anchor)[1] == [], "no category is new"
    with open(os.path.join(out, "metadata.txt"), "wb") as file:
        for (guid, revision), (document, _) in sorted(have.items()):
            file.write(b"%s,%08x,%08x,%s\r\n" % (guid.encode(), revision, len(document.decode().encode("utf-16-le")) // 2, document))
    print(len(have), len(urls), client.number, client.bytes)


if __name__ == "__main__":
    main()
