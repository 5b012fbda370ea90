#!/usr/bin/env python3
"""Third-party catalogues, read and made without the programs under test.

  third_party.py counts FILE...          what the packages of these files are, as JSON
  third_party.py documents CATALOGUE     "<id> <sha256>" of each package's document, as docs/database.md says it is kept
  third_party.py v2 CATALOGUE DIR        the same packages as V2: <id>.sdp and update_manifest.json
  third_party.py packages DIR N          N packages of our own, with a manifest: <id>.sdp in DIR
  third_party.py catalogue DIR FILE      the packages of DIR as one V1 catalogue
  third_party.py program FILE            the smallest program that can be signed
  third_party.py serve FILE...           an HTTP server on a free port, which it prints; /N.zeros has N bytes
"""
import base64, collections, hashlib, json, os, re, sys
import xml.etree.ElementTree as ET

PUBLISHING = "http://schemas.microsoft.com/wsus/2005/04/CorporatePublishing/"
SDP = PUBLISHING + "SoftwareDistributionPackage.xsd"
SMC = "http://schemas.microsoft.com/sms/2005/04/CorporatePublishing/SystemsManagementCatalog.xsd"
ELEMENT = re.compile(rb"<smc:SoftwareDistributionPackage\b.*?</smc:SoftwareDistributionPackage>", re.S)


def s(name):
    return "{%s}%s" % (SDP, name)


def packages(path):
    root = ET.parse(path).getroot()
    return list(root) if root.tag == "{%s}SystemsManagementCatalog" % SMC else [root]


def counts(paths):
    c = collections.defaultdict(collections.Counter)
    total = collections.Counter()
    for package in (p for path in paths for p in packages(path)):
        properties, data = package.find(s("Properties")), package.find(s("UpdateSpecificData"))
        total["packages"] += 1
        c["vendors"][properties.get("VendorName")] += 1
        for product in properties.findall(s("ProductName")):
            c["products"][properties.get("VendorName") + "/" + product.text] += 1
        c["classifications"][data.get("UpdateClassification")] += 1
        c["severities"][data.get("MsrcSeverity")] += 1
        for rule in ("IsInstallable", "IsInstalled"):
            c["rules"][rule] += len(package.findall(s(rule)))
        superseded = package.find(s("SupersededPackages"))
        total["superseded"] += len(set(x.text for x in superseded)) if superseded is not None else 0
        for item in package.findall(s("InstallableItem")):
            for rule in item.findall(s("ApplicabilityRules") + "/*"):
                c["rules"]["item " + rule.tag.split("}")[1]] += 1
            for file in item.findall(s("OriginFile")):
                c["files"][file.get("Digest")] = int(file.get("Size"))
    out = dict(total, files=len(c["files"]), bytes=sum(c.pop("files").values()))
    for kind, counted in c.items():
        out[kind] = {k: v for k, v in sorted(counted.items()) if v}
    return out


def root_declarations(data):
    tag = re.search(rb"<smc:SystemsManagementCatalog[^>]*>", data).group()
    return re.findall(rb' xmlns(?::[a-z]+)?="[^"]*"', tag)


def split(path):
    """id, element, and its document: the root's declarations behind the element's name."""
    data = open(path, "rb").read()
    declared = b"".join(root_declarations(data))
    for element in ELEMENT.findall(data):
        ident = re.search(rb'PackageID="([^"]*)"', element).group(1).decode().lower()
        name = b"<smc:SoftwareDistributionPackage"
        yield ident, element, name + declared + element[len(name):], declared


def write_manifest(folder):
    dates = {}
    for name in sorted(os.listdir(folder)):
        if name.endswith(".sdp"):
            dates[name[:-4]] = ET.parse(os.path.join(folder, name)).getroot().find(s("Properties")).get("CreationDate")
    with open(os.path.join(folder, "update_manifest.json"), "w") as out:
        json.dump(dates, out)


def make_v2(path, folder):
    os.makedirs(folder, exist_ok=True)
    for ident, element, _, declared in split(path):
        body = element.replace(b"smc:SoftwareDistributionPackage", b"sdp:SoftwareDistributionPackage")
        name = b"<sdp:SoftwareDistributionPackage"
        open(os.path.join(folder, ident + ".sdp"), "wb").write(b"\xef\xbb\xbf" + name + declared + body[len(name):])
    write_manifest(folder)


def package(number, classification="Security Updates", content=b"", more=""):
    ident = "5d000000-0000-4000-8000-%012d" % number
    content = content or b"content of package %d" % number
    digest = base64.b64encode(hashlib.sha1(content).digest()).decode()
    return ident, (
        '<sdp:SoftwareDistributionPackage SchemaVersion="1.0" xmlns:sdp="%s">\n'
        '<sdp:Properties PackageID="%s" CreationDate="2026-01-%02dT10:00:00Z" VendorName="Fabrikam">'
        "<sdp:ProductName>Tools</sdp:ProductName></sdp:Properties>"
        "<sdp:LocalizedProperties><sdp:Language>en</sdp:Language><sdp:Title>Fabrikam package %d</sdp:Title></sdp:LocalizedProperties>"
        '<sdp:UpdateSpecificData UpdateClassification="%s"><sdp:KBArticleID>fb%d</sdp:KBArticleID></sdp:UpdateSpecificData>%s'
        '<sdp:InstallableItem ID="%s"><sdp:OriginFile Digest="%s" FileName="package%d.cab" Size="%d" Modified="2026-01-01T00:00:00Z" '
        'OriginUri="http://fabrikam.example/package%d.cab"/></sdp:InstallableItem></sdp:SoftwareDistributionPackage>\n'
        % (SDP, ident, 1 + number % 28, number, classification, number, more, ident, digest, number, len(content), number)
    )


def make_packages(folder, count):
    os.makedirs(folder, exist_ok=True)
    for number in range(1, count + 1):
        ident, text = package(number)
        open(os.path.join(folder, ident + ".sdp"), "w").write(text)
    write_manifest(folder)


def make_catalogue(folder, path):
    with open(path, "w") as out:
        out.write('<?xml version="1.0"?>\n<smc:SystemsManagementCatalog xmlns:smc="%s" xmlns:sdp="%s">\n' % (SMC, SDP))
        for name in sorted(os.listdir(folder)):
            if name.endswith(".sdp"):
                text = open(os.path.join(folder, name)).read().replace("sdp:SoftwareDistributionPackage", "smc:SoftwareDistributionPackage")
                out.write(text.replace(' xmlns:sdp="%s"' % SDP, "", 1))
        out.write("</smc:SystemsManagementCatalog>\n")


def make_program(path):
    """PE32+ for x64 with one section that holds nothing but a return."""
    import struct
    optional = struct.pack("<HBBIIIIIQIIHHHHHHIIIIHHQQQQII", 0x20B, 14, 0, 512, 0, 0, 0x1000, 0x1000, 0x140000000, 0x1000, 512,
                           6, 0, 0, 0, 6, 0, 0, 0x2000, 512, 0, 3, 0, 0x100000, 0x1000, 0x100000, 0x1000, 0, 16) + bytes(16 * 8)
    head = b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0" + struct.pack("<HHIIIHH", 0x8664, 1, 0, 0, 0, len(optional), 0x22) + optional
    head += struct.pack("<8sIIIIIIHHI", b".text", 1, 0x1000, 512, 512, 0, 0, 0, 0, 0x60000020)
    open(path, "wb").write(head.ljust(512, b"\0") + b"\xc3".ljust(512, b"\0"))


def serve(paths):
    import http.server
    files = {"/" + os.path.basename(p): p for p in paths}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path.endswith(".zeros"):
                left = int(self.path[1:-6])
                self.send_response(200)
                self.end_headers()
                while left > 0:
                    self.wfile.write(bytes(min(left, 1 << 20)))
                    left -= 1 << 20
            elif self.path in files:
                body = open(files[self.path], "rb").read()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            else:
                self.send_error(404)

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    parent = os.getppid()
    server.timeout = 1
    while os.getppid() == parent:
        server.handle_request()


def main(command, *arguments):
    if command == "counts":
        print(json.dumps(counts(arguments), sort_keys=True))
    elif command == "documents":
        for ident, _, document, _ in split(arguments[0]):
            print(ident, hashlib.sha256(document).hexdigest())
    elif command == "v2":
        make_v2(*arguments)
    elif command == "packages":
        make_packages(arguments[0], int(arguments[1]))
    elif command == "manifest":
        write_manifest(arguments[0])
    elif command == "catalogue":
        make_catalogue(*arguments)
    elif command == "program":
        make_program(arguments[0])
    elif command == "serve":
        serve(arguments)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:])
