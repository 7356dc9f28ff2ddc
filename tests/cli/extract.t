# Taking an image apart, and never writing outside the folder that was named.

oracle() { python3 "$SRC/tests/oracle/eif.py" "$@"; }
archive() { python3 "$SRC/tests/oracle/cpio.py" "$@"; }
leftovers() { find . -name '.*selfsame*' | wc -l; }

printf 'a kernel' >kernel
printf 'console=ttyS0' >cmdline
printf '{}' >metadata
archive r0 d:755:dev f:755:init:abc trailer
head -c 700000 /dev/zero | tr '\0' 'x' >r1

oracle make a.eif kernel=kernel cmdline=cmdline metadata=metadata ramdisk=r0 ramdisk=r1
try 0 extract a.eif out
out <<END
out/kernel  8 bytes
out/cmdline  13 bytes
out/metadata  2 bytes
out/ramdisk0  $(stat -c %s r0) bytes
out/ramdisk1  700000 bytes
END
err ''
for f in kernel:kernel cmdline:cmdline metadata:metadata r0:ramdisk0 r1:ramdisk1; do
	check "$f is what went in" cmp "${f%:*}" "out/${f#*:}"
done
check 'and nothing else is there' test "$(find out -type f | wc -l)" -eq 5

# Again: files are replaced, links to elsewhere too.
printf 'precious' >precious
ln -sf ../precious out/kernel
try 0 extract a.eif out
check 'a link in the way is replaced, not followed' cmp kernel out/kernel
check 'what it pointed to is as it was' test "$(cat precious)" = precious

# The signature.
try 3 extract --signature a.eif sig
err "selfsame: error: 'a.eif' is not signed"
check 'no folder was made for nothing' test ! -e sig
openssl ecparam -genkey -name secp384r1 -noout -out key.pem
openssl req -new -x509 -key key.pem -subj /CN=test -days 30 -out cert.pem
try 0 sign --certificate cert.pem --key key.pem -o s.eif a.eif
try 0 extract --signature s.eif sig
out "sig/signature  $(stat -c %s sig/signature) bytes"
check 'it alone was extracted' test "$(find sig -type f | wc -l)" -eq 1
try 0 sign --signature sig/signature -o again.eif a.eif
check 'attached again it gives the same file' cmp again.eif s.eif
try 0 extract s.eif all
check 'a signed file gives its signature too' cmp all/signature sig/signature
try 2 extract --signature --tree s.eif sig
err 'selfsame: error: extract: --signature does not go with --tree'

# What cannot be read or written.
cp a.eif bad.eif
oracle set bad.eif 700000 7a
try 3 extract bad.eif bad
err_has "selfsame: error: 'bad.eif': the CRC-32 at byte 544 says "
check 'no folder was made of a bad file' test ! -e bad
try 4 extract a.eif nowhere/out
err "selfsame: error: cannot make 'nowhere/out': No such file or directory"
try 4 extract a.eif kernel
err "selfsame: error: cannot open 'kernel': Not a directory"
mkdir over
cp a.eif over/kernel
try 2 extract over/kernel over
err "selfsame: error: 'over/kernel' would replace the file that is read"
check 'the file is as it was' cmp over/kernel a.eif
try 2 extract a.eif
err 'selfsame: error: extract needs FILE DIR'

# --- trees ---------------------------------------------------------------------------------------

tree() { # STATUS ENTRY...: extracts --tree into x, ramdisk 0 being made of the entries
	status=$1
	shift
	rm -rf x
	archive ramdisk "$@"
	oracle make t.eif kernel=kernel cmdline=cmdline metadata=metadata ramdisk=ramdisk
	try "$status" extract --tree t.eif x
}

tree 0 d:755:. f:640:a:alpha d:700:sub f:4755:sub/su:root d:1777:tmp l:777:sub/up:.. \
	l:777:abs:/etc/passwd p:644:fifo f:644:./dot:dot d:755:slash/ f:644:slash/in:in \
	'f:644:\x1b[31m:red' trailer zeros=300
out <<'END'
x/kernel  8 bytes
x/cmdline  13 bytes
x/metadata  2 bytes
x/ramdisk0  12 entries
END
err <<'END'
ramdisk0: 2 setuid, setgid or sticky bits were not set
END
(cd x/ramdisk0 && find . -printf '%M %s %TY-%Tm-%Td %P -> %l\n' | sed 's/^\(d.........\) [0-9]*/\1/' | LC_ALL=C sort -k4) >seen
grep '^d' seen | grep -v ' -> $' >odd
check 'no folder is a link' test ! -s odd
for line in 'drwxr-xr-x 2001-02-03 slash -> ' 'drwxrwxrwx 2001-02-03 tmp -> ' \
	'drwx------ 2001-02-03 sub -> ' '-rw-r----- 5 2001-02-03 a -> ' \
	'-rwxr-xr-x 4 2001-02-03 sub/su -> ' 'lrwxrwxrwx 2 2001-02-03 sub/up -> ..' \
	'lrwxrwxrwx 11 2001-02-03 abs -> /etc/passwd' 'prw-r--r-- 0 2001-02-03 fifo -> ' \
	'-rw-r--r-- 3 2001-02-03 dot -> ' '-rw-r--r-- 2 2001-02-03 slash/in -> '; do
	check "the tree has $line" grep -qxF -- "$line" seen
done
check 'contents are right' test "$(cat x/ramdisk0/a x/ramdisk0/sub/su x/ramdisk0/dot)" = alpharootdot

# Compressed, and several archives in one ramdisk.
archive ramdisk f:644:one:1 trailer zeros=77 f:644:two:22 trailer zeros=5
gzip -9nc ramdisk >ramdisk.gz
zstd -q -f ramdisk -o ramdisk.zst
oracle make t.eif kernel=kernel cmdline=cmdline metadata=metadata ramdisk=ramdisk \
	ramdisk=ramdisk.gz ramdisk=ramdisk.zst
try 0 extract --tree t.eif many
for i in 0 1 2; do
	check "ramdisk $i is unpacked" test "$(cat many/ramdisk$i/one many/ramdisk$i/two)" = 122
done
try 2 extract --tree t.eif many
err "selfsame: error: 'many': 'ramdisk0' is there already"

# Hard links, in both customs: body with the first name, or with the last.
tree 0 f:444:a:text:9:3 f:444:b::9:3 d:755:d f:444:d/c::9:3 f:644:e::10:2 f:644:g:late:10:2 trailer
check 'three names are one file' test "$(stat -c '%i %h' x/ramdisk0/a)" = "$(stat -c '%i %h' x/ramdisk0/d/c)"
check 'with three links' test "$(stat -c %h x/ramdisk0/b)" -eq 3
check 'and one text' test "$(cat x/ramdisk0/d/c)" = text
check 'a late body reaches the first name' test "$(cat x/ramdisk0/e)" = late
check 'nothing is left over' test "$(leftovers)" -eq 0

# Repeated entries replace, as in the kernel.
tree 0 d:755:a f:644:a/f:old d:700:a f:644:a/f:newer f:644:x:1 d:755:x trailer
check 'the last file counts' test "$(cat x/ramdisk0/a/f)" = newer
check 'a folder replaces a file' test -d x/ramdisk0/x

# Hostile: nothing leaves the folder, nothing is left behind.
mkdir -p victim
hostile() { # MESSAGE ENTRY...
	message=$1
	shift
	tree 3 "$@"
	err "selfsame: error: 'x': ramdisk 0: $message"
	check 'nothing was written outside' test "$(find victim | wc -l)" -eq 1
	check 'nothing is left over' test "$(leftovers)" -eq 0
	check 'there is no tree' test ! -e x/ramdisk0
}
hostile "'../victim/a': a name with '.' or '..' in it" f:644:../victim/a:x trailer
hostile "'d/../../victim/a': a name with '.' or '..' in it" d:755:d f:644:d/../../victim/a:x trailer
hostile "'/tmp/a': an absolute name" f:644:/tmp/a:x trailer
hostile "'a//b': a name with an empty component" f:644:a//b:x trailer
hostile "'..': a name with '.' or '..' in it" d:755:.. trailer
hostile "'l/a' lies below something that is not a folder" l:777:l:../../victim f:644:l/a:x trailer
hostile "'l/a' lies below something that is not a folder" l:777:l:/tmp f:644:l/a:x trailer
hostile "'d/l/a' lies below something that is not a folder" d:755:d l:777:d/l:. f:644:d/l/a:x trailer
hostile "'f/a' lies below something that is not a folder" f:644:f:x f:644:f/a:x trailer
hostile "'d' replaces a folder that is not empty" d:755:d f:644:d/f:x l:777:d:../victim trailer
hostile 'the root of the archive is not a folder' l:777:.:../victim trailer
hostile "entry 0 at byte 0: a name with a NUL inside" 'f:644:a\x00b:x' trailer
hostile 'the archive ends without a trailer, at byte 120' f:644:abc:x
hostile "'l': a link target with a NUL inside" 'l:777:l:a\x00b' trailer

archive ramdisk f:644:abcde:x trailer zeros=4
printf 'junk' >>ramdisk
oracle make t.eif kernel=kernel cmdline=cmdline metadata=metadata ramdisk=ramdisk
rm -rf x
try 3 extract --tree t.eif x
err "selfsame: error: 'x': ramdisk 0: byte 248: what follows is neither zeros nor a newc archive"

# Compressed zeros without end.
head -c 60000000 /dev/zero | gzip -9nc >bomb
oracle make t.eif kernel=kernel cmdline=cmdline metadata=metadata ramdisk=bomb
rm -rf x
try 3 extract --tree t.eif x
err_has "selfsame: error: 'x': ramdisk 0: "
check 'there is no tree' test ! -e x/ramdisk0

# Ended in the middle, it tidies up; killed, the next run does.
seq 4000 | sed 's/.*/f:644:file&:text/' | xargs python3 "$SRC/tests/oracle/cpio.py" many.cpio
cat many.cpio many.cpio many.cpio >ramdisk
archive end trailer
cat end >>ramdisk
oracle make t.eif kernel=kernel cmdline=cmdline metadata=metadata ramdisk=ramdisk
stopped() { # SIGNAL
	rm -rf x
	"$SELFSAME" extract --tree t.eif x >stop.out 2>stop.err &
	pid=$!
	tries=0
	while [ ! -e x/.ramdisk0.selfsame-new/file1 ] && [ "$tries" -lt 500 ]; do
		tries=$((tries + 1))
		sleep 0.01
	done
	kill -"$1" "$pid"
	rc=0
	wait "$pid" 2>/dev/null || rc=$?
}
stopped TERM
check 'SIGTERM in the middle ends it by that signal' test "$rc" -eq 143
check 'nothing is left over' test "$(leftovers)" -eq 0
check 'there is no tree' test ! -e x/ramdisk0
stopped KILL
check 'SIGKILL in the middle ends it' test "$rc" -eq 137
check 'there is no tree under its name' test ! -e x/ramdisk0
try 0 extract --tree t.eif x
check 'the next run leaves nothing over' test "$(leftovers)" -eq 0
check 'and everything is there' test "$(find x/ramdisk0 -type f | wc -l)" -eq 4000
