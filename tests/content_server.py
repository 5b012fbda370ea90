#!/usr/bin/env python3
"""content_server.py - an HTTP server that serves the files of a folder, ranges and all, and misbehaves where told.

  content_server.py DIR --ready FILE [--log FILE] [--certificate PEM --key PEM] [--old-tls]

Writes its port to --ready when it listens. Every request is a line of the log: METHOD PATH RANGE STATUS BYTES.
DIR/faults, read at every request, has lines 'NAME KIND [COUNT]': the file of that name (last part of the path) is
answered so, COUNT times (always without). A POST is answered with what was sent, as JSON.
"""
import argparse
import collections
import http.server
import json
import os
import ssl
import sys
import threading
import time

used = collections.Counter()
lock = threading.Lock()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def fault(self, name):
        try:
            lines = open(os.path.join(options.dir, "faults")).read().splitlines()
        except FileNotFoundError:
            return None
        for line in lines:
            words = line.split()
            if len(words) >= 2 and words[0] in (name, "*"):
                with lock:
                    if len(words) == 2 or used[line] < int(words[2]):
                        used[line] += 1
                        return words[1]
        return None

    def note(self, status, count):
        with lock, open(options.log, "a") as log:
            log.write(f"{self.command} {self.path} {self.headers.get('Range', '-')} {status} {count}\n")

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.note(status, len(body))

    def endless(self):
        self.send_response(200)
        self.end_headers()
        self.close_connection = True
        self.note(200, "endless")
        try:
            while True:
                self.wfile.write(b"x" * 65536)
        except OSError:
            pass

    def headed(self, length):
        """An answer of one byte whose head is `length` bytes long."""
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n"
        while length - len(head) - 2 > 1100:
            head += b"X: " + b"h" * 995 + b"\r\n"
        head += b"X: " + b"h" * (length - len(head) - 2 - 5) + b"\r\n\r\n"
        self.wfile.write(head + b"x")
        self.note(200, len(head))

    def send(self, body, start=0, pause=0.0):
        """Bytes from `start` on, with the true total; in small steps when `pause` is set."""
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        sent = 0
        try:
            while sent < len(body) - start:
                step = 8192 if pause else 65536
                piece = body[start + sent:start + sent + step]
                self.wfile.write(piece)
                sent += len(piece)
                time.sleep(pause)
        except OSError:
            self.close_connection = True
        self.note(206 if start else 200, sent)

    def partly(self, body, start, then):
        """Half of what was announced."""
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        half = (len(body) - start) // 2
        self.wfile.write(body[start:start + half])
        self.wfile.flush()
        self.note("partly", half)
        then()
        self.close_connection = True

    def do_GET(self):
        name = self.path.split("?")[0].rsplit("/", 1)[-1]
        fault = self.fault(name)
        path = os.path.join(options.dir, name)
        start = 0
        if self.headers.get("Range", "").startswith("bytes="):
            start = int(self.headers["Range"][6:].split("-")[0])
        if fault and fault.isdigit():
            return self.answer(int(fault), b"refused", **({"Retry_After": "1"} if fault == "503" else {}))
        if fault and fault.startswith("to:"):
            return self.answer(302, b"elsewhere", Location=fault[3:])
        if fault == "endless":
            return self.endless()
        if fault == "headers":
            return self.answer(200, b"x", **{f"X_{i}": "h" * 1000 for i in range(1000)})
        if fault and fault.startswith("head:"):
            return self.headed(int(fault[5:]))
        if fault and fault.startswith("zeros:"):
            return self.send(bytes(int(fault[6:])))
        if not os.path.isfile(path):
            return self.answer(404, b"no such file")
        body = open(path, "rb").read()
        if fault == "echo":
            return self.answer(200, json.dumps(dict(self.headers)).encode())
        if start >= len(body) > 0:
            return self.answer(416, b"", Content_Range=f"bytes */{len(body)}")
        if fault == "wrong":
            body = bytes(b ^ 1 for b in body)
        if fault == "long":
            body += b"and more"
        if fault == "short":
            body = body[:-1]
        if fault == "whole":
            start = 0
        if fault == "shifted":
            return self.answer(206, body[start:], Content_Range=f"bytes 1-{len(body) - 1}/{len(body)}")
        if fault == "cut":
            return self.partly(body, start, lambda: None)
        if fault == "stall":
            return self.partly(body, start, lambda: time.sleep(60))
        self.send(body, start, 0.05 if fault == "slow" else 0.0)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = self.fault(self.path.rsplit("/", 1)[-1])
        text = json.dumps({"path": self.path, "headers": dict(self.headers), "body": body.decode()}).encode()
        if fault == "encoded":
            return self.answer(200, b"\x1f\x8b", Content_Encoding="gzip")
        if fault == "endless":
            return self.endless()
        if fault == "stall":
            return self.partly(text, 0, lambda: time.sleep(60))
        if fault == "hang":
            time.sleep(60)
        if fault and fault.startswith("to:"):
            return self.answer(302, b"elsewhere", Location=fault[3:])
        self.answer(int(fault) if fault and fault.isdigit() else 200, text)

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, address):
        pass  # who hangs up, hangs up


parser = argparse.ArgumentParser()
parser.add_argument("dir")
parser.add_argument("--ready", required=True)
parser.add_argument("--log", default=os.devnull)
parser.add_argument("--certificate")
parser.add_argument("--key")
parser.add_argument("--old-tls", action="store_true")
options = parser.parse_args()
server = Server(("127.0.0.1", 0), Handler)
if options.certificate:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options.certificate, options.key)
    if options.old_tls:
        context.set_ciphers("DEFAULT@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1_1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
with open(options.ready + ".new", "w") as ready:
    ready.write(str(server.server_address[1]))
os.rename(options.ready + ".new", options.ready)
sys.stdout.flush()
server.serve_forever()
