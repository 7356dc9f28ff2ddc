"""A web service of two pages. Says on its console when it listens."""

import http.server
import json
import os
import signal
import sys

PORT = 8080


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        pages = {
            "/": {"hello": "from inside", "uid": os.getuid()},
            "/healthz": {"status": "ok"},
        }
        page = pages.get(self.path)
        body = json.dumps(page or {"error": "no such page"}).encode() + b"\n"
        self.send_response(200 if page else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        print("hello:", format % args)


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server = http.server.ThreadingHTTPServer(("0.0.0.0", PORT), Handler)
    print(f"hello: listening on port {PORT}")
    server.serve_forever()


if __name__ == "__main__":
    main()
