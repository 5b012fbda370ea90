#!/usr/bin/env python3
"""upstream.py - an upstream server for the tests: MS-WSUSSS and its content store, on loopback.

It serves generated packages (samples/generate --month 1, --month 2) as an update server would, and says no
like one: every request is checked strictly, cookies end, batches have a limit, and whatever is ordered with
--fault goes wrong. It prints `port N URL` when it listens and ends on SIGTERM. While it runs, POST /control with a
query changes it: month=2, fault=NAME@N (once more for more), faults=none, cookie-life=S, max-batch=N.
Each line of the log is one call: `operation=GetUpdateData status=200 in=BYTES out=BYTES ...`; ids= is how many
were asked for or listed, updates= how many documents came, anchor= the month the anchor stood for (0: none).
It is a proxy for itself too, also as update.invalid; proxy= in the log is with which credentials (-: none).
"""
import argparse
import http.server
import os
import re
import select
import signal
import ssl
import sys
import threading
import urllib.parse

import upstream_fault
import upstream_soap
from upstream_data import Server
from upstream_soap import Fault

PATHS = {"/serversyncwebservice/serversyncwebservice.asmx": upstream_soap.SYNC, "/dssauthwebservice/dssauthwebservice.asmx": upstream_soap.AUTH}
OPERATIONS = (*upstream_soap.SHAPES, "Content")
REQUEST_MAX = 1 << 24


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 1200
    wbufsize = 1 << 16

    def log_message(self, *_):
        pass

    def parse_request(self):
        """As a proxy: the request line holds a whole address, of a host that only the proxy knows or of its own."""
        self.way = {}
        if not super().parse_request():
            return False
        if self.path.startswith("/"):
            return True
        match = re.fullmatch(r"http://(?:update\.invalid(?::[0-9]+)?|127\.0\.0\.1:%d)(/.*)" % self.server.server_address[1], self.path)
        if not match:
            self.send_error(502)
            return False
        self.path, self.way = match[1], {"proxy": self.headers.get("Proxy-Authorization", "-").replace(" ", ":")}
        return True

    def send_head(self, status, headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.flush()

    def send_whole(self, status, headers, body):
        try:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
            self.wfile.flush()
        except OSError:
            self.close_connection = True

    def wait_for_client(self, seconds):
        """Until the client closes, or the server ends."""
        self.wfile.flush()
        for _ in range(int(seconds * 4)):
            if self.server.is_over.is_set() or (select.select([self.connection], [], [], 0.25)[0] and not self.connection.recv(1)):
                return

    def answer(self, operation, status, headers, body, note):
        """One line in the log, then the answer, or what was ordered instead of it."""
        due = note.pop("due", ())
        faults = [name for name in due if name in upstream_fault.TRANSPORT]
        if due:
            note["fault"] = due[0]
        self.server.log({"operation": operation, "status": status, "in": note.pop("in", 0), "out": len(body), **note, **self.way})
        if not (faults and upstream_fault.misbehave(self, faults[0], status, headers, body)):
            self.send_whole(status, headers, body)

    def do_POST(self):
        path, _, query = self.path.partition("?")
        size = self.headers.get("Content-Length", "")
        if not re.fullmatch("[0-9]{1,8}", size) or int(size) > REQUEST_MAX:
            self.close_connection = True
            return self.send_whole(411, {}, b"")
        body = self.rfile.read(int(size))
        if path == "/control":
            return self.control(query)
        note = {"in": len(body)}
        if path.lower() not in PATHS:
            return self.answer("-", 404, {}, b"", note)
        operation, status = "-", 200
        try:
            if not re.fullmatch(r'text/xml;\s*charset="?utf-8"?', self.headers.get("Content-Type", ""), re.I):
                return self.answer("-", 415, {}, b"", note)
            operation, values = upstream_soap.read_request(body)
            if self.headers.get("SOAPAction") != f'"{upstream_soap.action_of(operation)}"':
                raise Fault("InvalidParameters", "SOAPAction")
            if operation != "Ping" and upstream_soap.SHAPES[operation][0] != PATHS[path.lower()]:
                raise Fault("InvalidParameters", "path")
            text = self.perform(operation, values, note)
        except Fault as fault:
            status = 500
            note["code"] = fault.code
            if fault.message:
                note["parameter"] = fault.message.replace(" ", "_")[:80]
            text = upstream_soap.fault_text(operation, fault.code, fault.message, self.server.options.base + path)
        self.answer(operation, status, {"Content-Type": "text/xml; charset=utf-8", "Cache-Control": "private, max-age=0"}, text.encode(), note)

    def perform(self, operation, values, note):
        server = self.server
        with server.lock:  # one call at a time: the data may turn to another month
            due = note["due"] = server.faults_due(operation)
            for name in due:
                if name in upstream_fault.CODES:
                    raise upstream_fault.code_fault(name, operation)
            name = next((name for name in due if name in upstream_fault.SPOILED), None)
            change = name and (lambda entries, updates: upstream_fault.spoil(name, entries, updates, server.data))
            result = server.service.call(operation, values, note, change)
        if "fault-bare" in due:
            return upstream_soap.wrap("<soap:Fault><faultcode>soap:Server</faultcode><faultstring>Server was unable to process request.</faultstring><detail /></soap:Fault>")
        for name in due:
            result = upstream_fault.change_result(name, result)
        return upstream_soap.response("Ping" if "other-answer" in due else operation, result)

    def control(self, query):
        try:
            self.server.control(urllib.parse.parse_qsl(query, strict_parsing=True))
        except (ValueError, IndexError) as problem:
            return self.send_whole(400, {}, f"{problem}\n".encode())
        self.send_whole(200, {}, b"done\n")

    def do_GET(self):
        note = {}
        note["due"] = self.server.faults_due("Content")
        path = urllib.parse.unquote(self.path.partition("?")[0])
        note["path"] = path.replace(" ", "%20")[:120]
        status, file = self.find_content(path)
        if status != 200:
            return self.answer("Content", status, {}, b"", note)
        with open(file, "rb") as opened:
            data = opened.read()
        tag = f'"{os.stat(file).st_mtime_ns:x}:0"'
        headers = {"Content-Type": "application/octet-stream", "Accept-Ranges": "bytes", "ETag": tag, "Last-Modified": self.date_time_string(os.stat(file).st_mtime)}
        wanted = re.fullmatch("bytes=([0-9]*)-([0-9]*)", self.headers.get("Range", ""))
        if wanted and (wanted[1] or wanted[2]) and self.headers.get("If-Range", tag) in (tag, headers["Last-Modified"]) and not self.server.options.no_ranges:
            first = int(wanted[1]) if wanted[1] else max(0, len(data) - int(wanted[2]))
            last = min(int(wanted[2]), len(data) - 1) if wanted[1] and wanted[2] else len(data) - 1
            note["range"] = f"{first}-{last}"
            if first > last:
                return self.answer("Content", 416, {"Content-Range": f"bytes */{len(data)}"}, b"", note)
            headers["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
            return self.answer("Content", 206, headers, data[first:last + 1], note)
        self.answer("Content", 200, headers, data, note)

    do_HEAD = do_GET

    def find_content(self, path):
        """(status, file): /Content/<FF>/<SHA1>.<ext>, or /mu/..._<sha1>.<ext> for what --own-urls points to."""
        here = re.fullmatch(r"/content/([^/]+)/([^/]+)", path, re.I)
        there = re.fullmatch(r"/mu/.*_([0-9a-f]{40})(\.[a-z0-9]+)", path, re.I)
        if not here and not there:
            return 404, None
        folder, name = (here[1], here[2]) if here else (there[1][-2:], there[1] + there[2])
        if "." not in name:
            return 403, None
        if self.server.options.catalog_only and here:
            return 404, None
        if self.server.options.lazy_content and here and name.split(".", 1)[0].upper() not in self.server.service.wanted_files:
            return 404, None
        file = self.server.data.content_file(folder, name)
        return (200, file) if file else (404, None)


class Upstream(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, options):
        super().__init__(("127.0.0.1", options.port), Handler)
        self.parent = os.getppid()
        self.options, self.lock, self.is_over = options, threading.Lock(), threading.Event()
        options.base = f"http{'s' if options.tls else ''}://127.0.0.1:{self.server_address[1]}"
        self.data = Server(options.package, options.month, options.all_revisions, options.children == "listed", options.captured, options.server_id, options.without)
        self.service = upstream_soap.Service(self.data, options, os.urandom(32))
        self.faults = [upstream_fault.Order(text, OPERATIONS) for text in options.fault]
        self.log_file = open(options.log, "a", buffering=1, encoding="utf-8") if options.log else None
        self.log_lock, self.calls = threading.Lock(), 0
        self.tls = None
        if options.tls:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(*options.tls)

    def service_actions(self):  # ten times a second
        if self.options.with_parent and os.getppid() != self.parent:
            threading.Thread(target=self.shutdown).start()

    def finish_request(self, request, client_address):
        if self.tls:  # in the connection's own thread: one that never shakes hands blocks nobody
            try:
                request.settimeout(20)
                request = self.tls.wrap_socket(request, server_side=True)
            except (OSError, ssl.SSLError) as problem:
                return self.log({"operation": "tls", "status": 0, "error": str(problem).replace(" ", "_")[:120]})
        super().finish_request(request, client_address)

    def handle_error(self, _request, _client_address):
        if not isinstance(sys.exc_info()[1], OSError):  # a client that went away is no error of ours
            super().handle_error(_request, _client_address)

    def faults_due(self, operation):
        with self.log_lock:
            return [order.name for order in self.faults if order.is_due(operation)]

    def log(self, values):
        with self.log_lock:
            self.calls += 1
            if self.log_file:
                self.log_file.write(f"{self.calls} " + " ".join(f"{key}={value}" for key, value in values.items()) + "\n")

    def control(self, orders):
        with self.lock:
            for name, value in orders:
                if name == "month":
                    if not 1 <= int(value) <= len(self.data.months):
                        raise ValueError(f"there is no month {value}")
                    self.data.turn(int(value))
                elif name == "fault":
                    self.faults.append(upstream_fault.Order(value, OPERATIONS))
                elif name == "faults" and value == "none":
                    self.faults.clear()
                elif name in ("cookie-life", "max-batch", "max-answer"):
                    setattr(self.options, name.replace("-", "_"), int(value))
                else:
                    raise ValueError(f"no such order: {name}={value}")


def arguments():
    faults = "\n".join(f"  {name:28}{text}" for name, text in upstream_fault.NAMES.items())
    parser = argparse.ArgumentParser(description=__doc__, epilog="faults:\n" + faults + "\n\n" + upstream_fault.__doc__.split("\n", 2)[2],
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("package", nargs="+", help="folder with package.xml and metadata.txt, or export.cab; WsusContent beside; one for each month")
    add("--month", type=int, default=1, help="which package to begin with")
    add("--port", type=int, default=0, help="0, the default, takes a free one")
    add("--log", help="file to which a line for each call is added")
    add("--tls", nargs=2, metavar=("CERT", "KEY"), help="HTTPS with this certificate chain and key")
    add("--fault", action="append", default=[], metavar="NAME@WHEN", help="see below; may be given several times")
    add("--cookie-life", type=int, default=14400, metavar="SECONDS")
    add("--max-batch", type=int, default=100, metavar="N", help="MaxNumberOfUpdatesPerRequest")
    add("--max-answer", type=int, default=2_000_000, metavar="BYTES", help="updates that do not fit into an answer are left out")
    add("--all-revisions", action="store_true", help="lists every revision of the package, not the newest of each update")
    add("--children", choices=("listed", "by-id"), default="listed", help="by-id: updates that others bundle are not listed, but given when asked for")
    add("--without", action="append", default=[], metavar="GUID", help="an update this server does not have, whoever needs it; may be given several times")
    add("--captured", metavar="FILE", help="a genuine GetUpdateData answer, served as it is")
    add("--server-id", metavar="GUID", help="another server: anchors of the one before are answered with ServerChanged")
    add("--auth-url", default="DssAuthWebService/DssAuthWebService.asmx", metavar="URL", help="the ServiceUrl of GetAuthConfig")
    add("--own-urls", action="store_true", help="MUUrl points to this server (/mu/...)")
    add("--catalog-only", action="store_true", help="CatalogOnlySync: no content here")
    add("--lazy", action="store_true", help="LazySync is true")
    add("--lazy-content", action="store_true", help="a file is 404 until DownloadFiles asked for it")
    add("--no-ranges", action="store_true", help="Range is ignored, as some proxies do")
    add("--with-parent", action="store_true", help="ends when the process that started it ends, however it does")
    return parser.parse_args()


def main():
    try:
        server = Upstream(arguments())
    except (ValueError, OSError) as problem:
        sys.exit(f"upstream.py: {problem}")

    def stop(*_):
        server.is_over.set()
        threading.Thread(target=server.shutdown).start()
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print(f"port {server.server_address[1]} {server.options.base}", flush=True)
    server.serve_forever(poll_interval=0.1)


if __name__ == "__main__":
    main()
