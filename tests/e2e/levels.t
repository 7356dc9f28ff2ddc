# Levels of hermetic steps through a real buildah: found for each step and recorded, found anew where
# what a step runs has changed under the same words, taken from the lock by a rebuild, or chosen.

mkdir -p runtime/x86_64 app
for part in kernel-nitro init dataplane keyplane; do
	echo $part >runtime/x86_64/$part
done
echo 'retain_initrd console=ttyS0' >runtime/x86_64/cmdline
runtime=$PWD/runtime
cd app || exit 99
printf 'name = "levels"\nsource_date_epoch = 1700000000\n[build]\nengine = "buildah"\nargs = { BASE = "%s" }\n' \
	"$SELFSAME_DEMO_BASE" >enclave.toml
dockerfile() { # LINE...
	printf 'ARG BASE\nFROM $BASE\n' >Dockerfile
	printf '%s\n' "$@" >>Dockerfile
}
build() { # STATUS [OPTION]...
	want=$1
	shift
	try "$want" build -q --runtime "$runtime" "$@"
}
tree() { # FILE: one of the image
	rm -rf tree
	"$SELFSAME" extract -q --tree levels.eif tree >/dev/null && cat "tree/ramdisk1/rootfs$1"
}
levels() { # of all steps in the lock, by their numbers
	sed -n '/^\[\[step/,$s/^level = "\(.*\)"$/\1/p' enclave.lock | tr '\n' ' '
}
git_here() { git -c user.name=t -c user.email=t@example.org -c init.defaultBranch=main "$@" >/dev/null 2>&1; }

# --- found ------------------------------------------------------------------------------------------------

# A shell is a dynamic program: its loader asks for libraries, and that does not count. What is not
# there is told as it is.
dockerfile 'COPY what /what' 'RUN echo hello >/a' 'RUN echo new >/b && stat -c "%Y %d" /b >/c' \
	'RUN /bin/true; test -e /nowhere || echo none >/d' 'RUN read -r what </what; eval "$what"'
echo 'echo script >/e' >'what'
build 0
out_has 'steps   4: 3 light, 1 full'
check 'a step is light or full' test "$(levels)" = 'light full light light '
check 'the file is as old as the clock' test "$(tree /c)" = '1700000000 1'
check 'the lock shows what a step runs' grep -qxF 'run = "echo hello >/a"' enclave.lock
check 'with the hash of all of it' grep -qxF "sha256 = \"$(printf 'read -r what </what; eval "$what"' | sha256sum | cut -c1-64)\"" enclave.lock
try 0 lock show
out_has 'steps  4'
out_has '     2 full   echo new >/b && stat -c "%Y %d" /b >/c'
check 'a rebuild, without a network, goes by it and is the same' unshare -n "$SELFSAME" rebuild -q --runtime "$runtime"

# --- found anew -------------------------------------------------------------------------------------------

git_here init
git_here add .
git_here commit -m first
cp enclave.lock before
build 0 --json
check 'the same again is the same lock' cmp enclave.lock before
check 'levels as JSON' python3 -c '
import json, sys
v = json.load(open(sys.argv[1]))["Steps"]
assert [s["Level"] for s in v] == ["light", "full", "light", "light"] and [s["Number"] for s in v] == [1, 2, 3, 4]
assert v[0]["Run"] == "echo hello >/a"' "$OUT"
echo 'echo script >/e; stat -c %Y /e >/f' >'what'
build 0
check 'other files under the same words are found out' test "$(levels)" = 'light full light full '
check 'and are answered for in that very build' test "$(tree /f)" = 1700000000
try 1 lock diff
out_has 'step 4 (read -r what </what; eval "$what") light → full'
check 'a rebuild is the same' unshare -n "$SELFSAME" rebuild -q --runtime "$runtime"

# --- taken from the lock ----------------------------------------------------------------------------------

# Somebody's own idea of a level is what a rebuild does: then that file tells the true time.
sed -i 's/^level = "full"$/level = "light"/' enclave.lock
try 1 rebuild -q --runtime "$runtime"
build 0
check 'a build knows better' test "$(levels)" = 'light full light full '
sed -i '/^number = 2$/s/2/20/' enclave.lock
check 'a step that the lock does not have is full' unshare -n "$SELFSAME" rebuild -q --runtime "$runtime"

# --- chosen -----------------------------------------------------------------------------------------------

cat >pyc.pl <<'END'
open F, ">/m.py"; print F "code"; close F;
mkdir "/__pycache__"; open F, ">/__pycache__/m.cpython-311.pyc";
print F pack("a4VVVa*", "\xa7\r\r\n", 0, (stat "/m.py")[9], 4, "x");
END
dockerfile 'COPY pyc.pl /' 'RUN echo new >/b && stat -c %Y /b >/c' 'RUN echo a >/a' 'RUN perl /pyc.pl'
build 0 --level light
check 'a .pyc of a true time is fresh' test "$(tree /__pycache__/m.cpython-311.pyc | od -An -tx1 | tr -d ' \n')" = a70d0d0a0000000000f153650400000078
check 'then the file has its own time' test "$(tree /c)" -gt 1700000000
check 'and the lock says who chose' grep -qxF 'level = "light"' enclave.lock
check 'for each step' test "$(sed -n '/^\[build\]/,/^$/s/^level = //p' enclave.lock) $(levels)" = '"light" light light light '
try 1 rebuild -q --runtime "$runtime"
echo 'level = "full"' >>enclave.toml
build 0
check 'in enclave.toml, too' test "$(sed -n '/^\[build\]/,/^$/s/^level = //p' enclave.lock) $(levels)" = '"full" full full full '
build 0 --level auto
check 'an option wins' test "$(levels)" = 'full light full '
try 0 build -q --runtime "$runtime" --double
out_has 'second run: the same'

# --- a second run, by step --------------------------------------------------------------------------------

# When a process began, counted from the machine's start, is in no view.
dockerfile 'RUN echo same >/a; echo old >/late' 'RUN mkdir /out && cut -d" " -f22 /proc/self/stat >/out/began' \
	'RUN cut -d" " -f22 /proc/self/stat >/late'
try 1 build -q --runtime "$runtime" --double
out_has 'written last by'
out_has '  step 2 (mkdir /out && cut -d" " -f22 /proc/self/stat >/out/began): rootfs/out/began'
out_has '  step 3 (cut -d" " -f22 /proc/self/stat >/late): rootfs/late'
check 'and by no other' sh -c '! grep -q "^  step 1" "$1"' - "$OUT"
