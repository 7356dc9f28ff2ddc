"""A proxy on loopback that fetches what http:// serves once a day, the way this machine does (its
own proxy, if it has one): a package mirror is asked for the same files by each build, and all
builds of a table get the same lists."""
import hashlib
import http.server
import os
import threading
import urllib.error
import urllib.request

KEPT = ('Content-Type', 'Last-Modified', 'ETag')


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    top = ''
    locks = {}

    def log_message(self, *_):
        pass

    def fetch(self, path):
        """The file and its head, below the folder of this day; a 404 is kept, too."""
        status, head, body = 200, {}, b''
        try:
            with urllib.request.urlopen(self.path, timeout=300) as r:
                head, body = {k: r.headers[k] for k in KEPT if k in r.headers}, r.read()
        except urllib.error.HTTPError as e:
            status = e.code
        except OSError:
            return 502, {}, b''
        if status in (200, 404):
            with open(path + '.new', 'wb') as f:
                f.write(f'{status}\n'.encode() + ''.join(f'{k}: {v}\n' for k, v in head.items()).encode() + b'\n' + body)
            os.rename(path + '.new', path)
        return status, head, body

    def do_GET(self):
        path = os.path.join(self.top, hashlib.sha256(self.path.encode()).hexdigest())
        with self.locks.setdefault(path, threading.Lock()):
            if os.path.exists(path):
                with open(path, 'rb') as f:
                    text, _, body = f.read().partition(b'\n\n')
                first, *rest = text.decode().split('\n')
                status, head = int(first), dict(x.split(': ', 1) for x in rest)
            else:
                status, head, body = self.fetch(path)
        same = head.get('Last-Modified') is not None and self.headers.get('If-Modified-Since') == head['Last-Modified']
        self.send_response(304 if same else status)
        for k, v in head.items():
            self.send_header(k, v)
        if not same:
            self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        if not same:
            self.wfile.write(body)


def start(top):
    """Keeps what it fetches below `top`; returns its URL. Ends with the process."""
    os.makedirs(top, exist_ok=True)
    Handler.top = top
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f'http://127.0.0.1:{server.server_address[1]}'
