# An artifact of inputs from somebody else.

. "$SRC/tests/cli/inputs.sh"
one=$(object first)
lock "http://h/a $one 5" >enclave.lock
try 0 inputs export
try 0 inputs import inputs.tar
out '1 objects, 5 bytes; new: 0'
rm -rf "$STORE"
try 0 inputs import inputs.tar
out '1 objects, 5 bytes; new: 1'

# Other bytes under an object's name.
rm -rf "$STORE"
mkdir layout
tar -xf inputs.tar -C layout
printf wrong >"layout/blobs/sha256/$one"
try 1 inputs import layout
err "selfsame: error: 'layout': 'blobs/sha256/$one': sha256 $(printf wrong | sha256sum | cut -d' ' -f1), but $one was expected"
printf longer >"layout/blobs/sha256/$one"
try 3 inputs import layout
err "selfsame: error: 'layout': 'blobs/sha256/$one': 6 bytes, but 5 were expected"
check 'nothing was taken' test -z "$(find "$STORE" -type f ! -name lock)"
printf first >"layout/blobs/sha256/$one"
echo '{' >layout/index.json
try 3 inputs import layout
try 4 inputs import nowhere
err "selfsame: error: cannot open 'nowhere': No such file or directory"
echo text >text
try 3 inputs import text
try 2 inputs import

# A full disk: whole objects or none.
head -c 3000000 /dev/zero >large
sum=$(sha256sum <large | cut -d' ' -f1)
mkdir -p "$(dirname "$(where "$sum")")"
cp large "$(where "$sum")"
lock "http://h/large $sum 3000000" >large.lock
try 0 inputs export -o large.tar large.lock
rm -rf "$STORE"
mkdir -p "$STORE"
as_root=
[ "$(id -u)" -eq 0 ] || as_root=--map-root-user
got=0
# shellcheck disable=SC2016,SC2086 # the inner shell's; one word or none
unshare $as_root --mount sh -c 'mount -t tmpfs -o size=1m none "$STORE" || exit 99
	rc=0; "$SELFSAME" inputs import large.tar || rc=$?
	find "$STORE" -type f ! -name lock >left; exit $rc' >"$OUT" 2>"$ERR" || got=$?
check 'a full disk: exit status 4' test $got -eq 4
err "selfsame: error: 'large.tar': 'blobs/sha256/$sum': the store of inputs '$STORE': cannot write: No space left on device"
check 'a full disk: nothing is left' test ! -s left
