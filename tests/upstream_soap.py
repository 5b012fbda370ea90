"""upstream_soap.py - the messages of MS-WSUSSS: what a request must look like, and what is answered.

A request is read strictly: names, namespaces, order, how often, the form of every value. A shape is a list of
(name, least, most, form); a form is the name of a value's form or the shape of what is inside.
"""
import base64
import hashlib
import hmac
import json
import re
import time
import uuid
import xml.etree.ElementTree as ET
from datetime import datetime, timedelta, timezone
from xml.sax.saxutils import escape

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
SYNC = "http://www.microsoft.com/SoftwareDistribution"
AUTH = "http://www.microsoft.com/SoftwareDistribution/Server/DssAuthWebService"
MONITOR = "http://www.microsoft.com/SoftwareDistribution/Server/IMonitorable"
FOREVER = "9999-12-31T23:59:59.9999999"
EVERY_COMPUTER, UNASSIGNED = "a0a08746-4dbe-4a37-9adf-9e7652c0b421", "b73ca6ed-5727-47f3-84de-015e03f6a88a"

COOKIE = ("cookie", 1, 1, [("Expiration", 1, 1, "dateTime"), ("EncryptedData", 1, 1, "base64")])
ID_AND_DELTA = [("IdAndDelta", 0, 100000, [("Id", 1, 1, "guid"), ("Delta", 1, 1, "boolean")])]
IDENTITIES = [("UpdateIdentity", 0, 5000, [("UpdateID", 1, 1, "guid"), ("RevisionNumber", 1, 1, "int")])]
SHAPES = {
    "GetAuthConfig": (SYNC, []),
    "GetAuthorizationCookie": (AUTH, [("accountName", 1, 1, "string"), ("accountGuid", 1, 1, "guid"), ("programKeys", 0, 1, [("guid", 0, 100, "guid")])]),
    "GetCookie": (SYNC, [
        ("authCookies", 1, 1, [("AuthorizationCookie", 1, 1, [("PlugInId", 1, 1, "string"), ("CookieData", 1, 1, "base64")])]),
        ("oldCookie", 0, 1, COOKIE[3]), ("protocolVersion", 1, 1, "string")]),
    "GetConfigData": (SYNC, [COOKIE, ("configAnchor", 0, 1, "string")]),
    "GetRevisionIdList": (SYNC, [COOKIE, ("filter", 1, 1, [
        ("Anchor", 0, 1, "string"), ("GetConfig", 1, 1, "boolean"), ("Get63LanguageOnly", 1, 1, "boolean"),
        ("Categories", 0, 1, ID_AND_DELTA), ("Classifications", 0, 1, ID_AND_DELTA),
        ("Languages", 0, 1, [("LanguageAndDelta", 0, 100, [("Id", 1, 1, "int"), ("Delta", 1, 1, "boolean")])])])]),
    "GetUpdateData": (SYNC, [COOKIE, ("updateIds", 1, 1, IDENTITIES)]),
    "GetUpdateDecryptionData": (SYNC, [COOKIE, ("updateIds", 1, 1, IDENTITIES)]),
    "DownloadFiles": (SYNC, [COOKIE, ("fileDigestList", 1, 1, [("base64Binary", 0, 5000, "base64")])]),
    "GetRelatedRevisionsForUpdates": (SYNC, [COOKIE, ("updateIDs", 1, 1, [("guid", 0, 5000, "guid")])]),
    "GetDeployments": (SYNC, [COOKIE, ("deploymentAnchor", 0, 1, "string"), ("syncAnchor", 1, 1, "string")]),
    "Ping": (MONITOR, [("pingLevel", 1, 1, "int")]),
}
FORMS = {
    "string": r"(?s).*",
    "guid": r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
    "int": r"-?[0-9]{1,10}",
    "boolean": r"true|false|0|1",
    "base64": r"([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?",
    "dateTime": r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,7})?(Z|[+-][0-9]{2}:[0-9]{2})?",
}


class Fault(Exception):
    def __init__(self, code, message=""):
        super().__init__(code, message)
        self.code, self.message = code, message


def action_of(operation):
    return f"{SHAPES[operation][0]}/{operation}"


def read_shape(element, shape, namespace):
    """The values inside an element as a dictionary; lists where a name may come more than once."""
    name = element.tag.rsplit("}", 1)[-1]
    if element.attrib or (element.text or "").strip() or any((child.tail or "").strip() for child in element):
        raise Fault("InvalidParameters", name)
    children, out = list(element), {}
    for child, least, most, form in shape:
        found = []
        while children and children[0].tag == f"{{{namespace}}}{child}":
            found.append(children.pop(0))
        if len(found) < least:
            raise Fault("InvalidCookie" if child in ("cookie", "EncryptedData") else "InvalidParameters", child)
        if len(found) > most:
            raise Fault("InvalidParameters", child)
        values = []
        for one in found:
            if isinstance(form, list):
                values.append(read_shape(one, form, namespace))
            elif len(one) or one.attrib or not re.fullmatch(FORMS[form], one.text or ""):
                raise Fault("InvalidParameters", child)
            else:
                values.append(one.text or "")
        out[child] = values if most > 1 else values[0] if values else None
    if children:  # unknown, out of order, or of another namespace
        raise Fault("InvalidParameters", children[0].tag.rsplit("}", 1)[-1])
    return out


def read_request(body):
    """(operation, values) of an envelope."""
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise Fault("InvalidParameters", "DOCTYPE")
    try:
        envelope = ET.fromstring(body)
    except ET.ParseError as problem:
        raise Fault("InvalidParameters", f"Envelope: {problem}") from None
    inside = [child for child in envelope if child.tag != f"{{{SOAP}}}Header"]
    if envelope.tag != f"{{{SOAP}}}Envelope" or [c.tag for c in inside] != [f"{{{SOAP}}}Body"] or len(inside[0]) != 1:
        raise Fault("InvalidParameters", "Envelope")
    request = inside[0][0]
    namespace, _, operation = request.tag[1:].rpartition("}")
    if operation not in SHAPES or SHAPES[operation][0] != namespace:
        raise Fault("InvalidParameters", operation)
    return operation, read_shape(request, SHAPES[operation][1], namespace)


def stamp(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f0Z")


def true(value):
    return value in ("true", "1")


def wrap(body):
    return ('<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" '
            'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema"><soap:Body>'
            + body + "</soap:Body></soap:Envelope>")


def response(operation, result):
    inside = f"<{operation}Result>{result}</{operation}Result>" if result is not None else ""
    return wrap(f'<{operation}Response xmlns="{SHAPES[operation][0]}">{inside}</{operation}Response>')


def fault_text(operation, code, message, url):
    return wrap(f"<soap:Fault><faultcode>soap:Client</faultcode><faultstring>Fault occurred</faultstring><faultactor>{escape(url)}</faultactor><detail>"
                f"<ErrorCode>{code}</ErrorCode><Message>{escape(message)}</Message><ID>{uuid.uuid4()}</ID>"
                f'<Method>"{action_of(operation) if operation in SHAPES else ""}"</Method></detail></soap:Fault>')


def identities(keys):
    return "".join(f"<UpdateIdentity><UpdateID>{i}</UpdateID><RevisionNumber>{r}</RevisionNumber></UpdateIdentity>" for i, r in keys)


class Service:
    """What the operations do. data is the Server of upstream_data; note collects what the log shall say of the call."""

    def __init__(self, data, options, secret):
        self.data, self.options, self.secret = data, options, secret
        self.wanted_files = set()  # asked for with DownloadFiles

    # Cookies and anchors are opaque to others and carry everything themselves.
    def seal(self, value):
        text = json.dumps(value, sort_keys=True).encode()
        return base64.b64encode(hmac.new(self.secret, text, hashlib.sha256).digest() + text).decode()

    def unseal(self, data):
        raw = base64.b64decode(data)
        if not hmac.compare_digest(hmac.new(self.secret, raw[32:], hashlib.sha256).digest(), raw[:32]):
            return None
        return json.loads(raw[32:])

    def check_cookie(self, cookie):
        value = self.unseal(cookie["EncryptedData"])
        if value is None or value.get("kind") != "cookie" or value["expires"] != cookie["Expiration"]:
            raise Fault("InvalidCookie")
        if time.time() > value["until"]:
            raise Fault("InvalidCookie", "expired")

    ANCHORS = ("config", "categories", "updates", "deployments")

    def mark(self):
        return int(hashlib.sha256(self.data.id.encode()).hexdigest()[:8], 16) % 1000

    def anchor(self, kind):
        """nnnn,yyyy-MM-dd HH:mm:ss.fff: nnnn tells the month and the kind, the milliseconds the server."""
        now = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M:%S")
        return f"{self.data.month * 10 + self.ANCHORS.index(kind)},{now}.{self.mark():03}"

    def since(self, anchor, kind, name):
        """The month an anchor stands for, 0 for none."""
        if not anchor:
            return 0
        parts = re.fullmatch(r"([0-9]{2,9}),[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\.([0-9]{3})", anchor)
        if not parts:
            raise Fault("InvalidParameters", name)
        if int(parts[2]) != self.mark():
            raise Fault("ServerChanged")
        if int(parts[1]) % 10 != self.ANCHORS.index(kind):  # an anchor of another operation
            raise Fault("InvalidParameters", name)
        return int(parts[1]) // 10

    def call(self, operation, values, note, change=None):
        """The text of the result, None for an operation without one. change: what makes the entries of GetUpdateData bad."""
        if values.get("cookie"):
            self.check_cookie(values["cookie"])
        self.change = change
        return getattr(self, operation)(values, note)

    def GetAuthConfig(self, _values, _note):
        return (f"<LastChange>{stamp(datetime.now(timezone.utc))}</LastChange><AuthInfo><AuthPlugInInfo><PlugInID>DssTargeting</PlugInID>"
                f"<ServiceUrl>{escape(self.options.auth_url)}</ServiceUrl><Parameter /></AuthPlugInInfo></AuthInfo>")

    def GetAuthorizationCookie(self, values, _note):
        if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,253}[A-Za-z0-9])?", values["accountName"]):
            raise Fault("InvalidParameters", "machineName")
        data = self.seal({"kind": "authorization", "account": values["accountName"]})
        return f"<PlugInId>DssTargeting</PlugInId><CookieData>{data}</CookieData>"

    def GetCookie(self, values, _note):
        one = values["authCookies"]["AuthorizationCookie"]
        value = self.unseal(one["CookieData"]) if len(one["CookieData"]) > 44 else None
        if one["PlugInId"] != "DssTargeting" or value is None or value["kind"] != "authorization":
            raise Fault("InvalidAuthorizationCookie")
        if not re.fullmatch(r"[0-9]+\.[0-9]+", values["protocolVersion"]):
            raise Fault("InvalidParameters", "protocolVersion")
        if not values["protocolVersion"].startswith("1."):
            raise Fault("IncompatibleProtocolVersion")
        moment = datetime.now(timezone.utc) + timedelta(seconds=self.options.cookie_life)
        expires = stamp(moment)
        data = self.seal({"kind": "cookie", "expires": expires, "until": moment.timestamp(), "protocol": values["protocolVersion"]})
        return f"<Expiration>{expires}</Expiration><EncryptedData>{data}</EncryptedData>"

    def GetConfigData(self, values, note):
        since = self.since(values["configAnchor"], "config", "configAnchor")
        note["anchor"] = since
        languages = "" if since else "".join(
            f"<ServerSyncLanguageData><LanguageID>{one['Id']}</LanguageID><ShortLanguage>{one['ShortName']}</ShortLanguage>"
            f"<LongLanguage>{escape(one['LongName'])}</LongLanguage><Enabled>{'true' if one['Enabled'] == '1' else 'false'}</Enabled></ServerSyncLanguageData>"
            for one in self.data.now.languages)
        flag = {True: "true", False: "false"}
        return (f"<CatalogOnlySync>{flag[self.options.catalog_only]}</CatalogOnlySync><LazySync>{flag[self.options.lazy]}</LazySync><ServerHostsPsfFiles>false</ServerHostsPsfFiles>"
                "<MaxNumberOfComputerIdsInRequest>200</MaxNumberOfComputerIdsInRequest><MaxNumberOfDriverSetsPerRequest>100</MaxNumberOfDriverSetsPerRequest>"
                "<MaxNumberOfPnpHardwareIdsInRequest>450</MaxNumberOfPnpHardwareIdsInRequest>"
                f"<MaxNumberOfUpdatesPerRequest>{self.options.max_batch}</MaxNumberOfUpdatesPerRequest><NewConfigAnchor>{self.anchor('config')}</NewConfigAnchor>"
                f"<ProtocolVersion>1.20</ProtocolVersion><LanguageUpdateList>{languages}</LanguageUpdateList>"
                "<MaxUpdatesPerRequestInGetUpdateDecryptionData>500</MaxUpdatesPerRequestInGetUpdateDecryptionData>")

    def GetRevisionIdList(self, values, note):
        asked = values["filter"]
        kind = "categories" if true(asked["GetConfig"]) else "updates"
        since = self.since(asked["Anchor"], kind, "filter:Anchor")
        note["list"], note["anchor"] = kind, since
        if kind == "categories":
            keys = self.data.config_list(since)
        else:
            chosen = [{i["Id"].lower(): true(i["Delta"]) for i in (asked[name] or {}).get("IdAndDelta", ())} for name in ("Categories", "Classifications")]
            languages = [true(i["Delta"]) for i in (asked["Languages"] or {}).get("LanguageAndDelta", ())]
            note["delta"] = sum(map(sum, (c.values() for c in chosen)))
            note["full"] = sum(map(len, chosen)) - note["delta"]
            note["languages"] = len(languages)
            keys = self.data.update_list(since, *chosen, not all(languages))
        note["ids"] = len(keys)
        return f"<Anchor>{self.anchor(kind)}</Anchor><NewRevisions>{identities(keys)}</NewRevisions>"

    def asked_updates(self, values, limit, note):
        keys = [(one["UpdateID"].lower(), int(one["RevisionNumber"])) for one in values["updateIds"]["UpdateIdentity"]]
        note["ids"] = len(keys)
        if len(keys) > limit:
            raise Fault("InvalidParameters", "updateIds")
        unknown = sum(key not in self.data.known for key in keys)
        if unknown:
            note["unknown"] = unknown
            raise Fault("InternalServerError")
        return [self.data.known[key] for key in keys]

    def GetUpdateData(self, values, note):
        updates = self.asked_updates(values, self.options.max_batch, note)
        entries, digests, size = [], {}, 600
        for one in updates:
            entry = self.data.blob(one)
            links = {d: None for d in one.files if d not in digests}
            size += len(entry.encode()) + sum(150 + len(self.data.urls.get(d, "")) for d in links)
            if size > self.options.max_answer and entries:  # what does not fit is left out
                note["cut"] = len(updates) - len(entries)
                break
            entries.append(entry)
            digests.update(links)
        entries.reverse()  # the order of an answer is the server's
        note["updates"] = len(entries)
        if self.change:
            entries = self.change(entries, updates)
        return f"<updates>{''.join(entries)}</updates><fileUrls>{''.join(map(self.address, digests))}</fileUrls>"

    def address(self, digest):
        url = self.data.urls.get(digest)
        if self.options.own_urls and url:
            url = self.options.base + "/mu/" + url.split("://", 1)[-1]
        return (f"<ServerSyncUrlData><FileDigest>{digest}</FileDigest>" + (f"<MUUrl>{escape(url)}</MUUrl>" if url else "") + "</ServerSyncUrlData>")

    def GetUpdateDecryptionData(self, values, note):
        def keys(one):
            if b"FileDecryption" not in (b"" if one.captured else one.document()):
                return ""
            return "".join(f"<ServerSyncFileDecryption><FileDigest>{d}</FileDigest><DecryptionKey>{base64.b64encode(hashlib.md5(d.encode()).digest()).decode()}"
                           "</DecryptionKey></ServerSyncFileDecryption>" for d in one.files)
        return "<UpdateFileDecryptionData>" + "".join(
            f"<ServerSyncUpdateFileDecryption><UpdateId><UpdateID>{one.id}</UpdateID><RevisionNumber>{one.revision}</RevisionNumber></UpdateId>"
            f"<FileDecryptionData>{keys(one)}</FileDecryptionData></ServerSyncUpdateFileDecryption>"
            for one in self.asked_updates(values, 500, note)) + "</UpdateFileDecryptionData>"

    def DownloadFiles(self, values, note):
        digests = values["fileDigestList"]["base64Binary"]
        note["ids"] = len(digests)
        if len(digests) > 100:
            raise Fault("InvalidParameters", "fileDigestList")
        missing = [d for d in digests if d not in self.data.urls]
        if missing:
            raise Fault("FileDigestsMissing", "|".join(missing))
        self.wanted_files.update(base64.b64decode(d).hex().upper() for d in digests)
        return None

    def GetRelatedRevisionsForUpdates(self, values, note):
        ids = {one.lower() for one in values["updateIDs"]["guid"]}
        note["ids"] = len(ids)
        return identities(self.data.revisions_of(ids))

    def GetDeployments(self, values, note):
        since = self.since(values["deploymentAnchor"], "deployments", "deploymentAnchor")
        if not self.since(values["syncAnchor"], "updates", "syncAnchor"):
            raise Fault("InvalidParameters", "syncAnchor")
        groups = "".join(f"<ServerSyncTargetGroup><TargetGroupID>{group}</TargetGroupID><ParentGroupId>{EVERY_COMPUTER}</ParentGroupId>"
                         f"<Name>{name}</Name><IsBuiltin>true</IsBuiltin></ServerSyncTargetGroup>"
                         for group, name in ((EVERY_COMPUTER, "All Computers"), (UNASSIGNED, "Unassigned Computers")))
        chosen = [one for one in self.data.listed if one.kind == b"Software" and one.changed > since][:5]
        deployments = "".join(
            f"<ServerSyncDeployment><UpdateId>{one.id}</UpdateId><RevisionNumber>{one.revision}</RevisionNumber><Action>{(0, 2)[number % 2]}</Action>"
            f"<AdminName>admin</AdminName><Deadline>{FOREVER}</Deadline><IsAssigned>true</IsAssigned><GoLiveTime>2026-10-14T02:00:00Z</GoLiveTime>"
            f"<DeploymentGuid>{uuid.uuid5(uuid.UUID(one.id), 'deployment')}</DeploymentGuid><TargetGroupId>{EVERY_COMPUTER}</TargetGroupId>"
            "<DownloadPriority>1</DownloadPriority></ServerSyncDeployment>" for number, one in enumerate(chosen))
        note["ids"] = len(chosen)
        return (f"<Anchor>{self.anchor('deployments')}</Anchor><Groups>{groups}</Groups><Deployments>{deployments}</Deployments>"
                "<DeadDeployments /><HiddenUpdates /><AcceptedEulas />")

    def Ping(self, _values, _note):
        now = stamp(datetime.now(timezone.utc))
        return (f"<SuccessFlag>true</SuccessFlag><ServicesTime>{now}</ServicesTime><ServicesName>ServerSyncWebService</ServicesName><IsHttps>false</IsHttps>"
                f"<ConfigFileLastModifiedTime>{now}</ConfigFileLastModifiedTime><ConfigFileNextExpirationTime>{now}</ConfigFileNextExpirationTime>"
                "<ConfigFileExpirationModuloInMinutes>5</ConfigFileExpirationModuloInMinutes>")
