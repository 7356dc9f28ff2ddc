# A hermetic build that meets a bad end, at moments that are states and not times: each program of it
# killed while a step runs and while an answer is half there, and a disk that is full of answers.
# Nothing is left, no half answer is in the store, and the next build is as if nothing had been.

mkdir -p runtime/x86_64 p www
echo kernel >runtime/x86_64/kernel-nitro
echo init >runtime/x86_64/init
echo dataplane >runtime/x86_64/dataplane
echo keyplane >runtime/x86_64/keyplane
echo 'retain_initrd console=ttyS0' >runtime/x86_64/cmdline
here=$PWD
runtime=$here/runtime
cache=$HOME/.cache/selfsame
printf '127.0.0.1 files.test\n' | cat /etc/hosts - >hosts
mount --bind hosts /etc/hosts

# /held: half of it, then, once the file 'half' says so, nothing until 'go' is there.
cat >serve.py <<'END'
import http.server, os, time
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        size = 40000000 if self.path == "/large" else 400000
        self.send_response(200)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        self.wfile.write(b"a" * (size // 2))
        if self.path == "/held" and not os.path.exists("go"):
            open("half", "w").close()
            while not os.path.exists("go"):
                time.sleep(0.1)
        self.wfile.write(b"b" * (size // 2))
    def log_message(self, *a):
        pass
s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), H)
print(s.server_address[1], flush=True)
s.serve_forever()
END
mkfifo port
python3 -B serve.py >port &
server=$!
read -r port <port
dockerfile() { # LINE...
	printf 'FROM %s\n' "$SELFSAME_DEMO_BASE" >p/Dockerfile
	printf '%s\n' "$@" >>p/Dockerfile
}
get="/usr/lib/apt/apt-helper download-file http://files.test:$port"
printf 'name = "p"\nsource_date_epoch = 1700000000\n[build]\nengine = "buildah"\nhermetic = true\nlocal = ["files.test:%s"]\n' "$port" >p/enclave.toml

until_is() { # COMMAND...: a state that comes within two minutes, however slow the machine is
	tries=1200
	until "$@"; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || return 1
		sleep 0.1
	done
}
# The processes are those of this test's name space: what is not ours is a build's.
others() { cat /proc/[0-9]*/comm 2>/dev/null | grep -vxE 'demo-base|docker-registry|run.sh|cat|python3|grep|sort' | sort -u; }
mounted() { grep -F "$HOME" /proc/self/mounts | cut -d' ' -f2; }
gone() { test -z "$(others)$(mounted)"; }
half() { find "$cache/inputs" -type f ! -name lock | while read -r f; do
	test "$(sha256sum "$f" | cut -c1-64)" = "${f##*/}" || echo "$f"
done; }
clean() { # WHAT
	check "$1: no process and no mount is left" until_is gone
	others
	mounted
	check "$1: nothing half is in the store" test -z "$(half)"
	check "$1: no output" test ! -e p/p.eif -a ! -e p/enclave.lock -a ! -e p/measurements.json
}
start() { # a build in the background: $build
	(cd p && exec "$SELFSAME" build -q --runtime "$runtime") >bg.out 2>&1 </dev/null &
	build=$!
}
named() { grep -lx "$1" /proc/[0-9]*/comm 2>/dev/null | cut -d/ -f3; }
sleeping() { grep -qsxzF "$nap" /proc/[0-9]*/cmdline; }
nap=32$$

# --- a good build, to compare with ----------------------------------------------------------------------

dockerfile "RUN $get/held /held" "RUN sleep 0 && $get/b /b" 'CMD ["/bin/true"]'
: >go
cd p || exit 99
try 0 build -q --runtime "$runtime"
good=$(sha256sum p.eif | cut -c1-64)
rm -f p.eif enclave.lock measurements.json
cd "$here" || exit 99
clean 'a good build'

# --- killed while a step runs ---------------------------------------------------------------------------

dockerfile "RUN sleep $nap" 'CMD ["/bin/true"]'
start
check 'the step runs' until_is sleeping
others >programs
kill -9 "$build"
wait "$build" 2>/dev/null
check 'there were a program, its engine and a supervisor' sh -c 'grep -qx selfsame programs && grep -qx buildah programs && grep -qx step programs'
clean 'the program is killed'
for one in buildah step; do
	start
	check "$one: the step runs" until_is sleeping
	named "$one" >ids
	check "$one: it is there" test -s ids
	while read -r id; do
		kill -9 "$id" 2>/dev/null
	done <ids
	rc=0
	wait "$build" 2>/dev/null || rc=$?
	check "$one is killed: exit status 4" test "$rc" -eq 4
	check "$one is killed: it is said" grep -q "^selfsame: error: 'Dockerfile': buildah" bg.out
	clean "$one is killed"
done

# --- killed while an answer is half there ---------------------------------------------------------------

dockerfile "RUN $get/held /held" "RUN sleep 0 && $get/b /b" 'CMD ["/bin/true"]'
rm -rf "$cache/inputs" go half
start
check 'half of the answer is there' until_is test -e half
kill -9 "$build"
wait "$build" 2>/dev/null
clean 'killed in an answer'
rm -f half
start
check 'half of the answer is there again' until_is test -e half
kill -TERM "$build"
wait "$build"
check 'ended in an answer: by that signal' test $? = 143
clean 'ended in an answer'
: >go
cd p || exit 99
try 0 build -q --runtime "$runtime"
check 'and the next build is as if nothing had been' test "$(sha256sum p.eif | cut -c1-64)" = "$good"
rm -f p.eif enclave.lock measurements.json
cd "$here" || exit 99

# --- a disk that is full of answers ---------------------------------------------------------------------

dockerfile "RUN $get/large /large" 'CMD ["/bin/true"]'
rm -rf "$cache/inputs"
mkdir "$cache/inputs"
mount -t tmpfs -o size=8m none "$cache/inputs"
cd p || exit 99
try 4 build -q --runtime "$runtime"
err_has "GET http://files.test:$port/large: cannot fetch: the store of inputs '$cache/inputs': "
err_has 'No space left on device'
cd "$here" || exit 99
check 'a full store has nothing of it' sh -c 'test -z "$(find "$1" -type f ! -name lock)"' - "$cache/inputs"
umount "$cache/inputs"
clean 'a full store'
kill "$server"
