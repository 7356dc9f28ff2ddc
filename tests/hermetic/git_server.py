"""A git server on loopback, as a forge is: smart HTTP by git's own backend."""
import http.server
import os
import subprocess
import threading

FIXED = {'GIT_CONFIG_NOSYSTEM': '1', 'GIT_CONFIG_GLOBAL': '/dev/null', 'GIT_AUTHOR_NAME': 'nobody',
         'GIT_AUTHOR_EMAIL': 'nobody@example.com', 'GIT_COMMITTER_NAME': 'nobody',
         'GIT_COMMITTER_EMAIL': 'nobody@example.com', 'PATH': '/usr/bin:/bin'}
MAKEFILE = '''hello: hello.c
	$(CC) -O2 -DVERSION='"$(VERSION)"' -o $@ hello.c
install: hello
	install -m 755 hello /usr/local/bin/
'''
SOURCE = '#include <stdio.h>\nint main(void)\n{\n\tputs("hello " VERSION);\n\treturn 0;\n}\n'


def make_repository(top):
    """A bare repository of a few commits, the same each time."""
    work, bare = os.path.join(top, 'work'), os.path.join(top, 'hello.git')

    def git(*words, day=0):
        at = f'{1600000000 + day * 86400} +0000'
        subprocess.run(['git', '-C', work, *words], check=True, stdout=subprocess.DEVNULL,
                       env={**FIXED, 'GIT_AUTHOR_DATE': at, 'GIT_COMMITTER_DATE': at})

    os.makedirs(work)
    git('init', '-q', '-b', 'main')
    for day, (name, text) in enumerate([('Makefile', MAKEFILE), ('hello.c', SOURCE), ('README', 'Says hello.\n')]):
        with open(os.path.join(work, name), 'w', encoding='ascii') as f:
            f.write(text)
        git('add', name)
        git('commit', '-q', '-m', f'{name}: added', day=day)
    git('tag', '-a', '-m', 'first', 'v1.0', 'HEAD~1', day=3)
    subprocess.run(['git', 'clone', '-q', '--bare', work, bare], check=True, env=FIXED)
    return bare


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    root = ''

    def log_message(self, *_):
        pass

    def answer(self):
        path, _, query = self.path.partition('?')
        body = self.rfile.read(int(self.headers.get('Content-Length', 0)))
        env = {**FIXED, 'GIT_PROJECT_ROOT': self.root, 'GIT_HTTP_EXPORT_ALL': '1', 'PATH_INFO': path,
               'QUERY_STRING': query, 'REQUEST_METHOD': self.command, 'REMOTE_ADDR': '127.0.0.1',
               'CONTENT_TYPE': self.headers.get('Content-Type', ''), 'CONTENT_LENGTH': str(len(body)),
               'HTTP_CONTENT_ENCODING': self.headers.get('Content-Encoding', ''),
               'GIT_PROTOCOL': self.headers.get('Git-Protocol', '')}
        said = subprocess.run(['git', 'http-backend'], input=body, env=env, check=False,
                              stdout=subprocess.PIPE).stdout
        head, _, rest = said.partition(b'\r\n\r\n')
        fields = [h.split(': ', 1) for h in head.decode('latin-1').split('\r\n') if h]
        status = next((int(v.split()[0]) for k, v in fields if k == 'Status'), 200)
        self.send_response(status)
        for k, v in fields:
            if k not in ('Status', 'Content-Length'):  # of a plain file git says it too
                self.send_header(k, v)
        self.send_header('Content-Length', str(len(rest)))
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(rest)

    do_GET = do_HEAD = do_POST = answer


def start(top):
    """Serves the repository; returns its URL. Ends with the process."""
    Handler.root = os.path.dirname(make_repository(top))
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f'http://127.0.0.1:{server.server_address[1]}/hello.git'
