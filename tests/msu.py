#!/usr/bin/env python3
"""Makes an invented .msu around a payload, as formats.md 2.4 and 6.3 have it.

    msu.py OUT PAYLOAD [PYTHON]      PYTHON may change m, the list of (name, bytes) of its members
"""
import base64
import hashlib
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from scan_cab import cabinet

UPDATE, BUNDLE = "11111111-2222-4333-8444-555555555555", "66666666-7777-4888-8999-aaaaaaaaaaaa"


def package(payload, fill=0):
    sha1 = base64.b64encode(hashlib.sha1(payload).digest()).decode()
    one = '<Update CreationDate="2016-06-01T00:00:00Z" DefaultLanguage="en" UpdateId="{}" RevisionNumber="{}" RevisionId="{}"{}>{}</Update>'
    return ('<?xml version="1.0" encoding="utf-8"?><OfflineSyncPackage xmlns="http://schemas.microsoft.com/msus/2004/02/OfflineSync"><Updates>'
            + one.format(BUNDLE, 201, 7, ' IsBundle="true"', "")
            + one.format(UPDATE, 200, 8, ' IsLeaf="true" DeploymentAction="Bundle"', f'<PayloadFiles><File Id="{sha1}"/></PayloadFiles><BundledBy><Revision Id="7"/></BundledBy>')
            + "".join(one.format(f"00000000-0000-4000-8000-{n:012x}", 1, n + 100, "", "") for n in range(fill))
            + f'</Updates><FileLocations><FileLocation Id="{sha1}" Url="http://internal.example/windows10.0-kb7654321-x64.cab"/></FileLocations></OfflineSyncPackage>').encode()


def scan(payload, fill=0):
    inner = cabinet([("core/7", b"<UpdateIdentity/>"), ("package.xml", package(payload, fill)), ("localized/en/7", b"<LocalizedProperties/>")])
    return cabinet([("package.cab", inner), ("wsusscan.cab", inner)])


def members(payload):
    identity = '<assemblyIdentity name="Package_for_KB7654321" version="10.0.1.7" language="neutral" processorArchitecture="amd64" publicKeyToken="31bf3856ad364e35"/>'
    return [
        ("WSUSSCAN.cab", scan(payload)),
        ("Windows10.0-KB7654321-x64.cab", payload),
        ("Windows10.0-KB7654321-x64.xml", f'<?xml version="1.0" encoding="utf-8"?><unattend xmlns="urn:schemas-microsoft-com:unattend"><servicing><package action="install">{identity}<source location="%configsetroot%\\x.cab"/></package></servicing></unattend>'.encode()),
        ("Windows10.0-KB7654321-x64-pkgProperties.txt", b'Applies to="Windows 10"\r\nKB Article Number="7654321"\r\nProcessor Architecture="AMD64"\r\n'),
    ]


if __name__ == "__main__":
    payload = open(sys.argv[2], "rb").read()
    m = members(payload)
    made = None
    exec(sys.argv[3] if len(sys.argv) > 3 else "")
    open(sys.argv[1], "wb").write(made or cabinet(m, packed=False))
