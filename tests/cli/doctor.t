# What in a Dockerfile will not be the same tomorrow. The codes one by one: tests/unit/test_lint.c.

hash=sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
mkdir good bad
printf 'FROM debian:12@%s\nRUN true\n' "$hash" >good/Dockerfile
cat >bad/Dockerfile <<'END'
FROM debian:12 AS build
RUN set -eu; \
    date > /built
FROM build
COPY . /src
END

# --- verdict ---

try 0 doctor --lint good
out 'good/Dockerfile: no findings'
err ''
try 1 doctor --lint bad
out <<'END'
bad/Dockerfile: 2 findings

bad/Dockerfile:1: image.unpinned: the image has no digest
    debian:12
  leads to: a tag is moved when the image is rebuilt
  mend: NAME:TAG@sha256:..., or commit the enclave.lock that selfsame build writes

bad/Dockerfile:3: time.date: the step asks for the time
    date
  leads to: what it writes holds the moment of the build (time.text)
  mend: date --date=@$SOURCE_DATE_EPOCH, or leave it out
END
err ''
try 1 doctor --lint --target build bad
out_has 'bad/Dockerfile: 2 findings'
cd bad || exit 99
try 1 doctor --lint
out_has 'Dockerfile:3: time.date'
cd .. || exit 99
try 0 doctor --lint --file good/Dockerfile bad
out 'good/Dockerfile: no findings'

# --- JSON ---

try 0 doctor --lint --json good
out <<'END'
{
  "file": "good/Dockerfile",
  "left_out": 0,
  "findings": []
}
END
try 1 doctor --lint --json bad
check 'one document, with what the text says' python3 -c '
import json, sys
d = json.load(open(sys.argv[1]))
assert list(d) == ["file", "left_out", "findings"], d
one = d["findings"][1]
assert one["code"] == "time.date" and one["line"] == 3 and one["words"] == "date", one
assert set(one) == {"code", "line", "words", "what", "leads_to", "mend"}, one' "$OUT"
printf 'FROM a@%s\nRUN date \377\n' "$hash" >bad/raw
try 1 doctor --lint --file bad/raw bad
out_has '    date \xff'
try 1 doctor --lint --json --file bad/raw bad
out_has '"words_hex": "6461746520ff"'

# --- what the project says ---

mkdir pip
printf 'FROM a@%s\nRUN pip install --no-cache-dir -r /src/requirements.txt\n' "$hash" >pip/Dockerfile
try 1 doctor --lint pip
out_has 'pip.no-hashes'
printf 'flask==3.0 \\\n    --hash=sha256:00\n' >pip/requirements.txt
try 0 doctor --lint pip
out 'pip/Dockerfile: no findings'
rm pip/requirements.txt
mkfifo pip/requirements.txt
try 1 doctor --lint pip
out_has 'pip.no-hashes'

printf 'ARG B\nFROM ${B}\n' >pip/Dockerfile
try 3 doctor --lint pip
err "selfsame: error: 'pip/Dockerfile': line 2: the image '\${B}' is empty: a variable without a value"
try 1 doctor --lint --build-arg B=b:1 pip
out_has 'pip/Dockerfile:2: image.unpinned'
printf 'name = "x"\ndockerfile = "D"\n[build]\nargs = { B = "b:2" }\n' >pip/enclave.toml
printf 'ARG B\nFROM ${B}\n' >pip/D
try 1 doctor --lint pip
out_has 'pip/D:2: image.unpinned'

# --- mends ---

mkdir mend
cat >mend/Dockerfile <<END
FROM debian:12@$hash AS build
# what is made
RUN apt-get update && \\
    date >/built && gzip /built

FROM build
RUN apt-get install -y a
END
cp mend/Dockerfile was
cat >diff.txt <<'END'

--- mend/Dockerfile
+++ mend/Dockerfile
@@ -1,7 +1,7 @@
 FROM debian:12@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef AS build
 # what is made
 RUN apt-get update && \
-    date >/built && gzip /built
+    date -u -d @${SOURCE_DATE_EPOCH:-0} >/built && gzip -n /built && rm -rf /var/lib/apt/lists/*
 
 FROM build
 RUN apt-get install -y a
END
try 1 doctor --lint mend
cp "$OUT" found
try 1 doctor --lint --apply mend
cat found diff.txt >said
out <said
err 'selfsame: nothing was written: --yes applies it without a question'
check 'nothing was written' cmp mend/Dockerfile was
chmod 640 mend/Dockerfile
try 1 doctor --lint --apply --yes mend
{ cat found diff.txt && printf '\nwritten: mend/Dockerfile\n3 mended, 1 left to be mended by hand\n'; } >said
out <said
check 'it keeps its mode' sh -c 'test "$(stat -c %a mend/Dockerfile)" = 640'
check 'the patch is what git and the file say' sh -c '
mkdir other other/mend && cp was other/mend/Dockerfile && cd other && git init -q . && git apply -p0 ../diff.txt && cmp mend/Dockerfile ../mend/Dockerfile'
try 1 doctor --lint mend
out_has 'mend/Dockerfile: 1 finding'
out_has 'apt.no-version'
cp mend/Dockerfile was
try 1 doctor --lint --apply -y mend
out_has 'nothing that can be mended by an edit alone'
check 'nothing was written again' cmp mend/Dockerfile was
printf 'FROM debian:12@%s\nRUN gzip /x\n' "$hash" >mend/Dockerfile
try 0 doctor --lint --apply -y mend
out_has '1 mended, 0 left to be mended by hand'
try 0 doctor --lint mend

# On a terminal it asks. The file may change before the answer comes.
cat >ask.py <<'END'
import os, pty, sys
program, answer, change, want = sys.argv[1:5]
pid, fd = pty.fork()
if pid == 0:
    os.execv(program, [program, 'doctor', '--lint', '--apply', 'mend'])
seen = b''
while b'[y/N] ' not in seen:
    seen += os.read(fd, 4096)
if change:
    open('mend/Dockerfile', 'a').write(change)
os.write(fd, answer.encode() + b'\n')
try:
    while True:
        seen += os.read(fd, 4096)
except OSError:
    pass
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.stdout.write(seen.decode())
assert status == int(want), status
END
printf 'FROM debian:12@%s\nRUN gzip /x # \033[31m\n' "$hash" >mend/Dockerfile
cp mend/Dockerfile was
check 'a no writes nothing' python3 ask.py "$SELFSAME" n '' 1
check 'it is as it was' cmp mend/Dockerfile was
check 'a file that changed is left alone' python3 ask.py "$SELFSAME" y '# more
' 4
check 'but for the change' sh -c 'printf "# more\n" | cat was - | cmp mend/Dockerfile -'
check 'a yes writes, and no escape reaches the terminal' sh -c 'python3 ask.py "$0" y "" 0 >log && ! grep -q "$(printf "\033")" log && grep -q "RUN gzip -n /x" log' "$SELFSAME"
check 'it was written' grep -q 'RUN gzip -n /x' mend/Dockerfile

try 2 doctor --lint --apply --json mend
err 'selfsame: error: --apply shows a patch: there is no --json of it'
try 2 doctor --lint --yes mend
err 'selfsame: error: --yes answers what only --apply asks'

# --- what cannot be looked at ---

try 2 doctor --only hosts good
err "selfsame: error: no variation 'hosts'; did you mean 'host'?"
out ''
try 2 doctor --skip nothing-like-it good
err "selfsame: error: no variation 'nothing-like-it'"
try 2 doctor --lint --only host good
err 'selfsame: error: --lint builds nothing: there is nothing to vary'
try 2 doctor oci:x
err <<'END'
selfsame: error: what is built is an image, not a Dockerfile
selfsame: hint: 'selfsame diff' compares two images
END
try 4 doctor --lint absent
out ''
try 2 doctor --lint oci:x
err <<'END'
selfsame: error: 'oci:x' is an image, not a Dockerfile
selfsame: hint: 'selfsame describe' and 'selfsame diff' look at images
END
mkdir empty
try 2 doctor --lint empty
err_has "there is no 'empty/Dockerfile'"
printf 'FROM a@%s\nRUM date\n' "$hash" >bad/Dockerfile
try 3 doctor --lint bad
err "selfsame: error: 'bad/Dockerfile': line 2: unknown instruction 'RUM'; did you mean RUN?"
head -c 1048577 /dev/zero | tr '\0' '#' >bad/Dockerfile
try 3 doctor --lint bad
err_has 'bad/Dockerfile is larger than 1048576 bytes'

# --- hostile: as much as fits, in no more than a moment; a test may not count seconds, so what it
# --- must not do is to end by memory or never
python3 - "$hash" <<'END'
import sys
base = 'FROM a@' + sys.argv[1] + '\n'
open('bad/many', 'w').write(base + 'RUN ' + 'date;' * 60000 + '\n')
open('bad/deep', 'w').write(base + 'RUN ' + 'echo "$(' * 15 + 'date' + ')"' * 15 + '\n')
open('bad/steps', 'w').write(base + 'RUN date\n' * 60000)
open('bad/vars', 'w').write(base + ''.join(f'ENV A{i}=$A{i - 1}\n' for i in range(40000)))
END
try 1 doctor --lint --file bad/many bad
out_has 'and 50000 more that were only counted'
try 1 doctor --lint --file bad/deep bad
out_has 'bad/deep:2: time.date'
try 1 doctor --lint --file bad/steps bad
out_has 'bad/steps:10001: time.date'
try 0 doctor --lint --file bad/vars bad

# --- the examples: the table in their README is what the program says ---

cat >table.py <<'END'
import json
import os
import subprocess
import sys

program, top = sys.argv[1:]
want = [line.strip('|\n ').split(' | ') for line in open(os.path.join(top, 'README.md')) if line.startswith('| `')]
names = [row[0].strip('`') for row in want]
assert names == sorted(d for d in os.listdir(top) if os.path.isdir(os.path.join(top, d))), names
assert len(names) == 10, names
for row in want:
    folder = os.path.join(top, row[0].strip('`'))
    for name, codes in (('Dockerfile', row[1]), ('Dockerfile.mended', row[2])):
        out = subprocess.run([program, 'doctor', '--lint', '--json', '--file', os.path.join(folder, name), folder],
                             stdout=subprocess.PIPE).stdout
        got = ', '.join(sorted({f['code'] for f in json.loads(out)['findings']}))
        assert got == codes, (folder, name, got, codes)
END
check 'the table of examples/doctor is what is found in them' python3 table.py "$SELFSAME" "$SRC/examples/doctor"
