# What changed in the lock since a commit, for a review.

. "$SRC/tests/cli/inputs.sh"
git_here() { git -c user.name=t -c user.email=t@example.org -c init.defaultBranch=main "$@" >/dev/null 2>&1; }
h() { # DIGIT: a hash
	printf '%064d' 0 | tr 0 "$1"
}
deb=http://d/pool
lock "$deb/curl_7.88.1-10%2bdeb12u14_amd64.deb $(h 1) 10" "$deb/gone_1_all.deb $(h 2) 10" "$deb/same_1_all.deb $(h 3) 10" \
	"$deb/bad_1_all.deb $(h 4) 10" "http://d/InRelease $(h 5) 9" "http://d/old $(h 6) 9" \
	"https://r/x/-/x-1.0.0.tgz $(h 1) 1" "https://r/x/-/x-2.0.0.tgz $(h 2) 1" >enclave.lock
try 2 lock diff
err_has "selfsame: error: git knows no commit 'HEAD'"
git_here init
git_here commit --allow-empty -m nothing
try 3 lock diff
err "selfsame: error: commit 'HEAD' has no enclave.lock here"
git_here add enclave.lock
git_here commit -m first
git_here tag v1
try 0 lock diff
out same

lock "$deb/curl_7.88.1-10%2bdeb12u15_amd64.deb $(h a) 10" "$deb/new_2_all.deb $(h b) 10" "http://other/mirror/same_1_all.deb $(h 3) 10" \
	"$deb/bad_1_all.deb $(h c) 10" "http://d/InRelease $(h d) 9" "http://d/more $(h e) 9" \
	"https://r/x/-/x-2.0.0.tgz $(h 2) 1" "https://r/x/-/x-3.0.0.tgz $(h 3) 1" "https://r/x/-/x-4.0.0.tgz $(h 4) 1" |
	sed 's/^source_date_epoch = 0/source_date_epoch = 5/' >enclave.lock
try 1 lock diff
out "source_date_epoch 0 → 5
bad: other bytes under the same version: 444444444444 → cccccccccccc
curl 7.88.1-10+deb12u14 → u15
- gone 1
+ new 2
- x 1.0.0
+ x 3.0.0
+ x 4.0.0
http://d/InRelease 555555555555 → dddddddddddd
+ http://d/more
- http://d/old"
try 1 lock diff --json v1
check 'the same in JSON' python3 -c '
import json, sys
r = json.load(open(sys.argv[1]))
assert len(r) == 11, r
assert r[0] == {"Change": "changed", "Value": "source_date_epoch", "Before": "0", "Now": "5"}, r[0]
assert r[2] == {"Change": "changed", "PackageSystem": "deb", "Package": "curl", "Before": "7.88.1-10+deb12u14",
  "Now": "7.88.1-10+deb12u15"}, r[2]
assert r[1]["Change"] == "swapped" and r[10] == {"Change": "removed", "URL": "http://d/old", "Before": "6" * 64}, r' "$OUT"

git_here commit -am second
try 0 lock diff
try 1 lock diff HEAD~1
# Of a hermetic build, and of one with the next base.
seed="hermetic = \"full\"\nseed = \"$(h 1)\""
build() { # CLOCK-LINE
	sed "s/^\[image\]/[build]\n$1engine = \"buildah\"\nengine_version = \"1\"\n$seed\n\n&/"
}
cp enclave.lock plain.lock
build '' <plain.lock >enclave.lock
git_here commit -am early
build 'clock = 1767225600\n' <plain.lock >enclave.lock
try 1 lock diff
out 'build.clock none → 1767225600'
git_here commit -am clock
build 'clock = 1790000000\n' <plain.lock >enclave.lock
try 1 lock diff
out 'build.clock 1767225600 → 1790000000'
cp plain.lock enclave.lock
git_here commit -am plain
mkdir sub
cp enclave.lock sub
(cd sub && git_here add enclave.lock && git_here commit -m sub)
cd sub || exit 99
try 0 lock diff
cd ..
try 2 lock diff v2
err "selfsame: error: git knows no commit 'v2'"
try 2 lock diff -- -v2
err "selfsame: error: '-v2' is no commit"

# Long lines come through git as they are.
lock "http://d/$(printf '%04000d' 0) $(h 1) 1" >enclave.lock
git_here commit -am long
try 0 lock diff
echo broken >enclave.lock
git_here commit -am broken
lock >enclave.lock
try 3 lock diff
err_has "selfsame: error: 'HEAD:enclave.lock': line 1: "
rm enclave.lock
try 4 lock diff
