#!/usr/bin/env python3
"""seeds.py - inputs to begin with, made from the project's own samples, vectors and test generators; nothing genuine.

  tests/fuzz/seeds.py BUILD OUT      OUT/HARNESS/NAME; needs `make all samples`, openssl, zstd, osslsigncode
"""
import base64, glob, gzip, hashlib, io, os, re, struct, subprocess, sys, tempfile, zipfile

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, TESTS)
sys.dont_write_bytecode = True
import msu
from scan_cab import cabinet

BUILD, OUT = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
VECTORS = os.path.join(TESTS, 'vectors')


def read(path):
    with open(path, 'rb') as file:
        return file.read()


# Parts of a harness: the first byte of an input.
PARTS = {part: (harness, number) for harness, parts in {
    'package': ['cab', 'package_index', 'package_records'],
    'scan': ['scan_cab', 'scan_fragment', 'scan_index', 'scan_package', 'brought'],
    'vendor': ['vendor_read', 'vendor_split'],
    'soap': ['soap', 'blob'],
    'signature': ['cms', 'authenticode', 'keys'],
    'typed': ['receipt', 'text', 'url']}.items() for number, part in enumerate(parts)}


def put(harness, name, content):
    content = content if isinstance(content, bytes) else content.encode()
    if harness in PARTS:
        name = f'{harness}-{name}'
        harness, number = PARTS[harness]
        content = bytes([number]) + content
    os.makedirs(os.path.join(OUT, harness), exist_ok=True)
    with open(os.path.join(OUT, harness, name), 'wb') as file:
        file.write(content)


def run(*command, **options):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **options).stdout


def piece(content):
    """As take_piece in fuzz.h reads it."""
    content = content if isinstance(content, bytes) else content.encode()
    return struct.pack('<H', len(content)) + content


def frames(bundle):
    """The unpacked frames of a vector."""
    for line in read(os.path.join(bundle, 'MANIFEST.TXT')).decode().splitlines():
        if line.startswith('frame '):
            packed = b''
            for extent in line.split()[2:]:
                volume, offset, length = map(int, extent.split(':'))
                packed += read(glob.glob(os.path.join(bundle, f'*.{volume:03}'))[0])[offset:offset + length]
            yield packed, run('zstd', '-dc', input=packed)


def bundles():
    for bundle in sorted(glob.glob(os.path.join(VECTORS, 'SU-ALPHA-*'))):
        name = os.path.basename(bundle)
        manifest = read(os.path.join(bundle, 'MANIFEST.TXT'))
        put('manifest', name, manifest)
        put('head', name, b'\0' + manifest)
        one, other = b'0a000001-0000-4000-8000-000000000001', b'0a000002-0000-4000-8000-000000000002'
        holes = (b'hole bundled %s 1 %s 2\nhole content %s 7\nhole licence %s 7\nhole prerequisite %s 1 %s\n' % (one, other, b'ab' * 20, b'ab' * 20, one, other))
        put('manifest', name + '-holes', re.sub(rb'^(closure .* )0\n', rb'\g<1>4\n' + holes, manifest, flags=re.M))
        profile = re.findall(rb'^(?:product|classification|language|content|express|approved) .*\n', manifest, re.M)
        put('profile', name, b''.join(line for line in profile if not line.startswith(b'content ') or len(line) < 20))
        for number, (packed, records) in enumerate(frames(bundle)):
            put('record', f'{name}-{number}', records)
            for document in re.findall(rb'<upd:Update .*?</upd:Update>', records, re.S):
                put('update', hashlib.sha1(document).hexdigest()[:8], b'\0' + document)
                put('update', 'changed-' + hashlib.sha1(document).hexdigest()[:8], b'\1\x20\0\1' + document)
    put('receipt', 'vector', read(os.path.join(VECTORS, 'ALPHA.receipt')))
    put('receipt', 'code', 'K7QX-9MPD-44TC-0A1B-2C3D')
    put('profile', 'all', 'product 0A000001-0000-4000-8000-000000000001\nclassification 0fa1201d-4330-4fa8-8ae9-b877473b6441\nlanguage de\n'
        'language pt-br\ncontent licence\nexpress yes\napproved c0000002-0000-4000-8000-000000000002\n')


def package():
    """The sample package, and a small one of its first updates."""
    with tempfile.TemporaryDirectory() as work:
        run('bsdtar', '-xf', os.path.join(BUILD, 'samples/m1/export.cab'), '-C', work)
        index, records = read(os.path.join(work, 'package.xml')), read(os.path.join(work, 'metadata.txt'))
    heads = list(re.finditer(rb'(?:^|(?<=\r\n))([0-9a-f-]{36}),([0-9a-f]{8}),[0-9a-f]{8},', records))
    cut = records[:heads[3].start()]
    updates = re.findall(rb'<Update [^>]*?/>|<Update [^>]*?[^/]>.*?</Update>', index, re.S)
    files = re.findall(rb'<File [^>]*?/>', index, re.S)
    small = index
    languages = re.findall(rb'<Language [^>]*?/>', index)
    for element in updates[3:] + files[2:] + languages[2:]:
        small = small.replace(element, b'', 1)
    small = re.sub(rb'\s*\n\s*\n', b'\n', small)
    put('package_index', 'sample', b'\0' + small)
    put('package_index', 'with-documents', b'\x41' + small.replace(b'</Update>', b'<Xml>&lt;a/&gt;</Xml></Update>'))
    put('package_records', 'sample', b'\x20' + cut)
    put('package_records', 'characters', b'\0' + '00000001-0000-4000-8000-000000000001,00000001,00000009,ä€😀x\r\nyz\r\n'.encode())
    for how in range(6):
        put('cab', f'made-{how}', bytes([how]) + piece(small) + piece(cut))
    put('cab', 'mszip', b'\x06' + cabinet([('package.xml', small), ('metadata.txt', cut)]))
    put('cab', 'signed', b'\x06' + cabinet([('package.xml', small), ('metadata.txt', cut)], signature=b'x' * 40))
    put('cab', 'gzip-records', b'\x06' + gzip.compress(cut, mtime=0))
    put('cab', 'gzip-index', b'\x06' + gzip.compress(small.replace(b'</Update>', b'<Xml>&lt;a/&gt;</Xml></Update>'), mtime=0))
    put('cab', 'gzip-other', b'\x06' + gzip.compress(b'something else', mtime=0))


def volumes():
    records = [frame for bundle in sorted(glob.glob(os.path.join(VECTORS, 'SU-ALPHA-*'))) for frame in frames(bundle)]
    for kinds in 0, 1, 2, 3, 0x84, 8, 0x48, 16, 17, 24, 0x94, 48:
        packed, raw = records[kinds % len(records)]
        body = raw if kinds & 16 else packed
        first = struct.pack('<HHH', len(raw) if not kinds & 16 else 0, 0, len(body))
        put('volume', f'kinds-{kinds}', bytes([kinds, 3]) + first + struct.pack('<HHHHHHHHH', 1, 7, 100, 2, 9, 300, 0, 0, len(body)) + body)
    for kinds, name in enumerate(('claims', 'short', 'other', 'recovery')):
        head = b'SU-VOLUME 1\nbundle SU-BRAVO-000003\nset 0123456789abcdef0123456789abcdef\n'
        content = b'\0' * 512 + head + b'volume 2\n' if kinds < 3 else head + b'recovery 1\n'
        put('head', name, bytes([kinds | (4 if kinds == 1 else 0)]) + content + b'\0' * (1100 - len(content)))


def documents():
    """Documents of other vendors, answers, fragments."""
    with tempfile.TemporaryDirectory() as work:
        run(sys.executable, '-B', os.path.join(TESTS, 'third_party.py'), 'packages', work, '3')
        run(sys.executable, '-B', os.path.join(TESTS, 'third_party.py'), 'catalogue', work, os.path.join(work, 'all.xml'))
        whole = read(os.path.join(work, 'all.xml'))
        put('vendor_split', 'catalogue', b'\x40' + whole)
        put('update', 'catalogue', b'\0' + whole)
        members = [('update_manifest.json', read(os.path.join(work, 'update_manifest.json')))]
        for number, path in enumerate(sorted(glob.glob(os.path.join(work, '*.sdp')))):
            put('update', f'package-{number}', b'\0' + read(path))
            put('vendor_split', f'package-{number}', b'\x07' + read(path))
            members.append((os.path.basename(path), read(path)))
        put('vendor_read', 'plain', b'\x07' + members[1][1])
        put('vendor_read', 'catalogue', b'\x07' + whole)
        put('vendor_read', 'cab', b'\x07' + cabinet([('V2/' + name, content) for name, content in members]))
        for method, name in (zipfile.ZIP_DEFLATED, 'zip'), (zipfile.ZIP_STORED, 'zip-stored'):
            file = io.BytesIO()
            with zipfile.ZipFile(file, 'w', method) as archive:
                archive.writestr('all.cab', cabinet(members))
                archive.writestr('catalogue.xml', whole)
                archive.writestr('readme.txt', 'x')
            put('vendor_read', name, b'\x07' + file.getvalue())
        for how in range(4):
            put('vendor_read', f'made-{how}', bytes([how]) + piece(members[1][1]) + piece(members[0][1]) + piece(whole[:60000]))
    for text in 'ä€😀 <a/>', 'x' * 40000, '':
        utf16 = text.encode('utf-16-le')
        name = f'{len(text)}'
        put('blob', 'utf16-' + name, b'\2' + utf16[:8000])
        put('blob', 'cab-' + name, b'\1' + cabinet([('blob', utf16)]))
        put('blob', 'base64-' + name, b'\0' + base64.encodebytes(cabinet([('blob', utf16)])))


def scan():
    index = b'<?xml version="1.0" encoding="utf-8"?><CABLIST>%s</CABLIST>' % b''.join(
        b'<CAB NAME="package%d.cab" RANGESTART="%d"/>' % (n, n * 100) for n in (2, 3, 4)) 
    with tempfile.TemporaryDirectory() as work:
        path = os.path.join(work, 'scan.cab')
        run(sys.executable, '-B', os.path.join(TESTS, 'scan_cab.py'), path, '--revisions', '30', '--shards', '2', '--languages', '2')
        whole = read(path)
        run('bsdtar', '-xf', path, '-C', work)
        index = read(os.path.join(work, 'index.xml'))
        for inner in sorted(glob.glob(os.path.join(work, '*.cab'))):
            if inner != path:
                folder = inner + '.d'
                os.mkdir(folder)
                run('bsdtar', '-xf', inner, '-C', folder)
        packages = glob.glob(os.path.join(work, 'package.cab.d', '*.xml'))
        package = read(packages[0])
        updates = re.findall(rb'<Update .*?</Update>', package, re.S)
        small = package
        for element in updates[4:]:
            small = small.replace(element, b'', 1)
        put('scan_package', 'small', b'\x20' + small)
        if len(package) < 30000:
            put('scan_package', 'whole', b'\x7f' + package)
        kinds = {'c': [], 'x': [], 'l': []}
        for folder, _, names in os.walk(work):
            for name in names:
                inside = os.path.relpath(os.path.join(folder, name), work).split(os.sep)
                if len(inside) > 2 and inside[1] in kinds:
                    kinds[inside[1]].append((os.sep.join(inside[1:]), read(os.path.join(folder, name))))
        for number, kind in enumerate('cxl'):
            for name, content in sorted(kinds[kind])[:4]:
                put('scan_fragment', name.replace('/', '-'), bytes([number]) + content)
                put('scan_fragment', 'name-' + name.replace('/', '-'), b'\3' + name.encode())
        put('scan_index', 'sample', index)
        put('scan_cab', 'whole', b'\xff' + whole)
        fragments = [sorted(kinds[kind])[0] for kind in 'cxl']
        put('scan_cab', 'made', b'\0' + piece(small) + b''.join(piece(content) for _, content in fragments) + piece(index))
    for number, content in enumerate([msu.package(b'x'), msu.package(b'y', 3)]):
        put('scan_package', f'msu-{number}', b'\x10' + content)


def small_ones():
    for number, url in enumerate(('http://a.example/b c?x=y#z', 'https://user:pw@Host.EXAMPLE:8530/%7Ea/../b', 'http://[::1]:80/', 'ftp://x/', 'HTTP://a', 'http://a\tb/',
                                  'http://1.2.3/x', 'http://xn--bcher-kva.example/ü', 'http://a@b@c/d', 'https://a:99999/')):
        put('url', str(number), url)
    for number, text in enumerate(('0e6cf4ac-2853-48aa-825b-8fe28206575f', '18446744073709551615', 'QUJD\r\nREVG', 'second tuesday + 1 day at 02:00', 'every 4 weeks on mon,fri at 23:59',
                                   'monthly on 31', 'every 23 hours', 'last friday at 00:00', 'none', '\x1b[31mred\u202e\x07', 'ä€😀"\\\n', 'd\0=\xd8\0\xde')):
        put('text', str(number), b'\x40' + text.encode('utf-8', 'surrogatepass'))


def statement():
    digest = 'ab' * 32
    head = f'SU-SITE-STATE 1\nsite ALPHA\nhub FABRIKAM-HUB\nsequence 12\nhighest 14\ncreated 2026-10-14T02:00:00Z\nmanifest {digest}\nstate {digest}\ncontent-owed 0\nentry 17\n'
    profile = 'language de\nlanguage en\ncontent all\nexpress no\n'
    records = ''.join(f'R 0000000{n}-0000-4000-8000-000000000000 {n} {n % 3} {digest} {digest}\n' for n in range(1, 5))
    files = ''.join(f'F {n}{n}{digest[2:]}\n' for n in range(1, 4))
    put('statement', 'whole', head + profile + records + files)
    put('statement', 'urgent', head + 'urgent 3\n' + profile + records)
    put('statement', 'empty', head + profile)
    put('statement', 'unsigned', '!' + head + profile + records + 'signature ' + 'A' * 86 + '==\n')


def soap():
    """Answers of the tests' own server, and documents in the form of an answer."""
    names = ['GetAuthConfig', 'GetAuthorizationCookie', 'GetCookie', 'GetConfigData', 'GetRevisionIdList', 'GetRelatedRevisionsForUpdates', 'GetDeployments', 'GetUpdateData']
    sync, auth = 'http://www.microsoft.com/SoftwareDistribution', 'http://www.microsoft.com/SoftwareDistribution/Server/DssAuthWebService'
    def answer(operation, inside, status=0, piece=255):
        uri = auth if operation == 'GetAuthorizationCookie' else sync
        text = (f'<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body><{operation}Response xmlns="{uri}">'
                f'<{operation}Result>{inside}</{operation}Result></{operation}Response></soap:Body></soap:Envelope>')
        put('soap', f'{operation}-{hashlib.sha1(text.encode()).hexdigest()[:6]}', bytes([names.index(operation), piece, status]) + text.encode())
    def identity(n, tag='UpdateIdentity'):
        return f'<{tag}><UpdateID>00000000-0000-0000-0000-00000000000{n}</UpdateID><RevisionNumber>1</RevisionNumber></{tag}>'
    answer('GetAuthConfig', '<LastChange>2026-03-01T16:00:00Z</LastChange><AuthInfo><AuthPlugInInfo><PlugInID>DssTargeting</PlugInID><ServiceUrl>DssAuthWebService/DssAuthWebService.asmx</ServiceUrl></AuthPlugInInfo></AuthInfo>')
    answer('GetAuthorizationCookie', '<PlugInId>DssTargeting</PlugInId><CookieData>AAECAwQF</CookieData>', piece=0)
    answer('GetCookie', '<Expiration>2026-03-01T16:00:00.0000000Z</Expiration><EncryptedData>AAECAwQF</EncryptedData>')
    language = '<ServerSyncLanguageData><LanguageID>1033</LanguageID><ShortLanguage>en</ShortLanguage><LongLanguage>English</LongLanguage><Enabled>true</Enabled></ServerSyncLanguageData>'
    answer('GetConfigData', f'<CatalogOnlySync>false</CatalogOnlySync><LazySync>true</LazySync><ServerHostsPsfFiles>false</ServerHostsPsfFiles><MaxNumberOfUpdatesPerRequest>100</MaxNumberOfUpdatesPerRequest>'
           f'<ProtocolVersion>1.20</ProtocolVersion><LanguageUpdateList>{language}{language.replace("1033", "1031")}</LanguageUpdateList>')
    for operation in 'GetRevisionIdList', 'GetRelatedRevisionsForUpdates':
        answer(operation, f'<Anchor>5,2026-03-01 16:00:00.000</Anchor><NewRevisions>{identity(1)}{identity(2)}</NewRevisions>')
    guid = '<guid>00000000-0000-4000-8000-000000000001</guid>'
    answer('GetDeployments', f'<Anchor>7</Anchor><Groups><ServerSyncTargetGroup><TargetGroupID>00000000-0000-4000-8000-000000000003</TargetGroupID><ParentGroupId>00000000-0000-4000-8000-000000000004</ParentGroupId><Name>All</Name><IsBuiltin>true</IsBuiltin></ServerSyncTargetGroup></Groups>'
           f'<Deployments><ServerSyncDeployment><UpdateId>00000000-0000-4000-8000-000000000001</UpdateId><RevisionNumber>1</RevisionNumber><Action>0</Action><AdminName>a</AdminName><Deadline>9999-12-31T23:59:59</Deadline><IsAssigned>true</IsAssigned><GoLiveTime>2026-03-01T16:00:00</GoLiveTime>'
           f'<DeploymentGuid>00000000-0000-4000-8000-000000000005</DeploymentGuid><TargetGroupId>00000000-0000-4000-8000-000000000003</TargetGroupId><DownloadPriority>1</DownloadPriority></ServerSyncDeployment></Deployments>'
           f'<DeadDeployments>{guid}</DeadDeployments><HiddenUpdates>{guid}</HiddenUpdates><AcceptedEulas>{guid}</AcceptedEulas>')
    namespaces = 'http://schemas.microsoft.com/msus/2002/12/'
    sha1 = base64.b64encode(hashlib.sha1(b'x').digest()).decode()
    def document(n):
        return (f'<upd:Update xmlns:upd="{namespaces}Update"><upd:UpdateIdentity UpdateID="00000000-0000-0000-0000-00000000000{n}" RevisionNumber="1"/><upd:Properties UpdateType="Software" CreationDate="2024-01-11T20:15:45Z"/>'
                f'<upd:Relationships><upd:Prerequisites><upd:UpdateIdentity UpdateID="00000000-0000-0000-0000-000000000009"/></upd:Prerequisites></upd:Relationships><upd:Files><upd:File Digest="{sha1}" FileName="x.cab" Size="1"/></upd:Files></upd:Update>')
    def update(n, packed):
        text = document(n)
        if packed:
            blob = base64.b64encode(cabinet([('blob', text.encode('utf-16-le'))])).decode()
            body = f'<XmlUpdateBlobCompressed>{blob}</XmlUpdateBlobCompressed>'
        else:
            body = '<XmlUpdateBlob>' + text.replace('&', '&amp;').replace('<', '&lt;') + '</XmlUpdateBlob>'
        return f'<ServerSyncUpdateData>{identity(n, "Id")}{body}<FileDigestList><base64Binary>{sha1}</base64Binary></FileDigestList></ServerSyncUpdateData>'
    urls = f'<fileUrls><ServerSyncUrlData><FileDigest>{sha1}</FileDigest><MUUrl>http://a.example/x.cab</MUUrl><UssUrl>http://b.example/x.cab</UssUrl></ServerSyncUrlData></fileUrls>'
    for packed in False, True:
        answer('GetUpdateData', '<updates>' + ''.join(update(n, packed) for n in (1, 2, 3)) + '</updates>' + urls)
        answer('GetUpdateData', '<updates>' + update(1, packed) + '</updates>' + urls)
    for code in 'InvalidParameters', 'InvalidCookie', 'InternalServerError', 'IncompatibleProtocolVersion', 'ServerChanged', 'FileLocationMissing', 'ServerBusy', 'TooManyUpdates', 'Something':
        fault = ('<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body><soap:Fault><faultcode>soap:Server</faultcode><faultstring>no</faultstring>'
                 f'<detail><ErrorCode>{code}</ErrorCode><Message>m</Message><ID>i</ID></detail></soap:Fault></soap:Body></soap:Envelope>')
        put('soap', 'fault-' + code, bytes([7, 255, 1]) + fault.encode())


def trust():
    """Keys, certificates, signatures; those of the unit tests and of RFC 8032 where there are any."""
    for name in 'hub.pub', 'site.pub':
        content = read(os.path.join(VECTORS, name))
        put('keys', name, b'\2' + content)
        put('keys', 'pem-' + name, b'\0' + content[content.index(b'-----BEGIN'):])
        put('keys', 'enrol-' + name, b'\3' + content.replace(b'-----BEGIN', b'code-secret ' + b'ab' * 32 + b'\n-----BEGIN'))
    private = bytes.fromhex('302e020100300506032b6570042204204ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb')
    put('keys', 'private', b'\1-----BEGIN PRIVATE KEY-----\n' + base64.encodebytes(private) + b'-----END PRIVATE KEY-----\n')
    put('keys', 'protected', b'\1-----BEGIN ENCRYPTED PRIVATE KEY-----\n' + base64.encodebytes(private) + b'-----END ENCRYPTED PRIVATE KEY-----\n')
    put('keys', 'private-der', b'\6' + private)
    put('keys', 'public-der', b'\5' + bytes.fromhex('302a300506032b65700321003d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c'))
    source = read(os.path.join(TESTS, 'unit', 'test_cms.c')).decode()
    lines = {name: '\n'.join(re.findall(r'"(.*?)\\n"', body)) + '\n' for name, body in re.findall(r'static const char (\w+)\[\] =\n((?:    ".*\n)+)', source)}
    with tempfile.TemporaryDirectory() as work:
        for name, text in lines.items():
            with open(os.path.join(work, name), 'w', encoding='ascii') as file:
                file.write(text)
        with open(os.path.join(work, 'text'), 'wb') as file:
            file.write(b'SU-BUNDLE-MANIFEST 1 transfer\nbundle SU-ALPHA-000001\n')
        def openssl(*arguments):
            return run('openssl', *arguments, cwd=work)
        for md in 'sha256', 'sha512', 'sha1':
            put('cms', 'signature-' + md, b'\0' + openssl('cms', '-sign', '-binary', '-outform', 'DER', '-in', 'text', '-signer', 'kim_pem', '-inkey', 'kim_key', '-md', md))
        put('cms', 'signature-keyid', b'\0' + openssl('cms', '-sign', '-binary', '-outform', 'DER', '-in', 'text', '-signer', 'kim_pem', '-inkey', 'kim_key', '-keyid', '-certfile', 'ca_pem'))
        put('cms', 'attached', b'\0' + openssl('cms', '-sign', '-binary', '-nodetach', '-outform', 'DER', '-in', 'text', '-signer', 'kim_pem', '-inkey', 'kim_key'))
        for name in 'crl_1', 'crl_2':
            put('cms', name, b'\1' + lines[name].encode())
            put('cms', name + '-der', b'\4' + openssl('crl', '-in', name, '-outform', 'DER'))
        for name in 'ca_pem', 'kim_pem':
            put('cms', name, b'\2' + lines[name].encode())
            der = openssl('x509', '-in', name, '-outform', 'DER')
            put('cms', name + '-der', b'\3' + der)
            put('cms', name + '-authority', b'\5' + der)
            put('cms', name + '-any', b'\6' + der)
        openssl('req', '-x509', '-newkey', 'rsa:3072', '-nodes', '-keyout', 'v.key', '-out', 'v.pem', '-subj', '/CN=Vendor', '-days', '30000', '-addext', 'extendedKeyUsage=codeSigning', '-addext', 'keyUsage=digitalSignature')
        openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'e.key', '-out', 'e.pem', '-subj', '/CN=Vendor', '-days', '30000', '-addext', 'extendedKeyUsage=codeSigning', '-addext', 'keyUsage=digitalSignature')
        put('cms', 'rsa', b'\0' + openssl('cms', '-sign', '-binary', '-outform', 'DER', '-in', 'text', '-signer', 'v.pem', '-inkey', 'v.key'))
        with open(os.path.join(work, 'plain.cab'), 'wb') as file:
            file.write(cabinet([('a.sdp', b'<a/>' * 9)]))
        run(sys.executable, '-B', os.path.join(TESTS, 'third_party.py'), 'program', os.path.join(work, 'plain.exe'))
        for who in 've':
            for kind in 'cab', 'exe':
                for md in ('sha256', 'sha1') if who == 'v' else ('sha256', ):
                    name = f'{who}-{md}.{kind}'
                    run('osslsigncode', 'sign', '-h', md, '-certs', f'{who}.pem', '-key', f'{who}.key', '-in', f'plain.{kind}', '-out', name, cwd=work)
                    content = read(os.path.join(work, name))
                    for at in 0, 37, len(content) // 2:
                        put('authenticode', f'{name}-{at}', struct.pack('<H', at) + content)
        put('authenticode', 'plain', b'\0\0' + read(os.path.join(work, 'plain.cab')))


def brought():
    members = dict(msu.members(b'payload'))
    text = [content for name, content in members.items() if name.endswith('.txt')][0]
    identity = [content for name, content in members.items() if name.endswith('.xml')][0]
    for how in range(3):
        put('brought', f'made-{how}', bytes([how]) + piece(msu.package(b'payload')) + piece(text) + piece(identity) + piece(b'payload'))
    put('brought', 'msu', cabinet(msu.members(b'payload')))
    put('brought', 'identity', b'\3' + identity)
    put('brought', 'properties', b'\3' + text)
    put('brought', 'program', b'MZ' + b'x' * 60)
    put('brought', 'wim', b'MSWIM\0\0\0' + b'x' * 60)
    put('brought', 'name', b'kb1234567-x64_da39a3ee5e6b4b0d3255bfef95601890afd80709.cab')


def child():
    """Frames of a child: kind above the first, length, content; texts have a length of 8 bytes before and NUL behind them."""
    def text(content):
        return struct.pack('<Q', len(content)) + content + b'\0'
    def frame(kind, content):
        return bytes([kind]) + piece(content)
    error = struct.pack('<I', 5) + text(b'it is damaged') + text(b'Bring it again.')
    put('child', 'refused', b'\0' + frame(4, error) * 3)
    put('child', 'failed', b'\0' + frame(203, error))
    put('child', 'done', b'\0' + frame(202, b''))
    put('child', 'apart', b'\0' + frame(3, text(b'\0' * 200)))
    put('child', 'document', b'\1' + frame(2, text(b'<a/>')) + frame(3, text(b'\0' * 64)))
    put('child', 'answer', b'\2' + frame(3, text(b'ab')) + frame(4, text(b'Expiration') + text(b'GetCookieResult') + text(b'cd')) + frame(5, b'') + frame(6, struct.pack('<I', 0) + text(b'') * 4))
    def number(*values):
        return struct.pack('<%dQ' % len(values), *values)
    u32, sha1, sha256, id, done = struct.Struct('<I').pack, b'\1' * 20, b'\2' * 32, b'\3' * 16, frame(202, b'')
    put('child', 'ahead', b'\3' + (frame(3, text(b'\0' * 64)) + frame(4, error)) * 2)
    head = frame(0, u32(1) + text(b'2026-01-02T03:04:05Z') + number(2, 2))
    files = frame(1, number(2) + b'\0' * 20 + text(b'http://a.example/a') + sha1 + text(b'http://a.example/b'))
    put('child', 'package', b'\4' + head + files + frame(2, id + u32(7) + text(b'<a/>')) * 2 + done)
    row = number(1)
    rows = [number(1) + id + u32(1) + b'\0\1\0' + text(b'2026') + text(b'en') + text(b''), row + id + u32(1) + text(b'Software'), row + number(9, 8) + text(b'Critical') + text(b'cbs'),
            row + sha1 + sha256 + b'\1\1\0' + row + text(b'a.cab') + text(b''), sha1 + text(b'http://a.example/a'), row + text(b'en') + text(b't') + text(b'd') + row,
            row + text(b'kb') + text(b'1234567'), row + row + u32(1), row + id, row + id + text(b'Product')]
    end = frame(1, text(b'2026') + text(b'a') + text(b'b') + text(b'1') + number(3, 0)) + done
    put('child', 'scan', b'\5' + frame(0, b''.join(number(1) + each for each in rows)) + end)
    put('child', 'scan-more', b'\5' + frame(0, b''.join(number(3) + 3 * each for each in rows)) + frame(0, number(0) * 10) + end)
    address = u32(2) + b'\0' * 20 + text(b'http://a.example/a') + sha1 + text(b'http://a.example/b')
    put('child', 'vendor', b'\6' + frame(1, id + u32(1) + text(b'2026-01-02') + text(b'<a/>') + address) + frame(2, b'\xff' * 16) + done)
    put('child', 'vendor-manifest', b'\7' + frame(0, text(b'{}')) + done)
    put('child', 'code-signature', b'\x08' + frame(0, u32(1) + sha256 + text(b'Vendor') + text(b'2036-01-01T00:00:00')))
    put('child', 'look', b'\x09' + frame(0, text(b'package.xml') + text(b'package.cab') + text(b'index.xml') + text(b'') * 13 + b'<a>'.ljust(512, b'\0')) + done)
    put('child', 'claims', b'\x0a' + frame(0, text(b'HUB') + text(b'ALPHA') + text(b'2026-01-02T03:04:05Z') + u32(1) + sha256 + number(*range(1, 11)) + u32(1) + number(1) + u32(1) + text(b'bundled x')
                                        + u32(1) + text(b'hub') + text(b'new') + b'\4' * 44 + u32(1) + sha256 + number(3)))
    verdict = u32(0) + text(b'') + u32(1) + sha256 + text(b'Kim') + text(b'2036-01-01T00:00:00')
    put('child', 'verdicts', b'\x0b' + frame(0, verdict) + frame(0, u32(5) + text(b'no') + u32(0) + sha256 + text(b'') * 2) + done)
    put('child', 'who-signed', b'\x0c' + frame(0, u32(1)) + done)
    put('child', 'brought', b'\x0d' + frame(0, u32(1) + u32(0) + text(b'5000001') + text(b'x64') + text(b'Package_for') + text(b'10.0.1') + number(1) + id + u32(200) + u32(0) + u32(1)
                                         + number(1) + text(b'a.cab') + sha1 + sha256 + number(100)) + done)
    put('child', 'rings', b'\x0e' + bytes([2, 9, 0, 0, 0, 9, 0, 0, 1, 200, 0, 0, 3, 0, 255, 255, 4, 0, 1, 0, 27, 0, 0, 1, 5, 0, 1, 0, 0, 99, 0, 0, 6, 0, 0, 0, 7, 0, 0, 0, 0, 9, 0, 0]))
    put('child', 'fault', b'\2' + frame(5, b'') + frame(6, struct.pack('<I', 1) + text(b'ServerBusy') + text(b'm') + text(b'i') + text(b't')))


def main():
    bundles()
    child()
    statement()
    soap()
    trust()
    brought()
    package()
    volumes()
    documents()
    scan()
    small_ones()


main()
