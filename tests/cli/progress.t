# How far it is: a line a phase, a bar on a terminal, nothing with --quiet; never on standard output.

mkdir -p runtime/x86_64 root
echo kernel >runtime/x86_64/kernel-nitro
echo init >runtime/x86_64/init
echo dataplane >runtime/x86_64/dataplane
echo keyplane >runtime/x86_64/keyplane
echo 'retain_initrd console=ttyS0' >runtime/x86_64/cmdline
echo app >root/app
printf 'name = "p"\nimage = "rootfs:root"\n[app]\ncommand = ["/app"]\n' >enclave.toml

try 0 build --quiet --runtime runtime
err ''
cp "$OUT" quiet.out

try 0 build --runtime runtime
check 'one line a phase' sh -c 'test -s "$1" && ! grep -v "^selfsame: " "$1"' - "$ERR"
check 'no escape sequences' sh -c '! grep -q "$(printf "\033")" "$1"' - "$ERR"
check 'standard output is the same' cmp "$OUT" quiet.out

try 0 build --verbose --runtime runtime
check '--verbose says what a phase took' grep -qE '^selfsame: packing: done, [0-9.]+ MiB in [0-9.]+ s$' "$ERR"

cat >terminal.py <<'END'
"""Runs a command with standard error on a terminal; its bytes go to the file argv[1]."""
import os, pty, subprocess, sys
master, slave = pty.openpty()
p = subprocess.Popen(sys.argv[2:], stderr=slave, stdout=open("terminal.out", "wb"))
os.close(slave)
seen = b""
while True:
    try:
        chunk = os.read(master, 4096)
    except OSError:
        break
    if not chunk:
        break
    seen += chunk
open(sys.argv[1], "wb").write(seen)
sys.exit(p.wait())
END
bar="$(printf '\r\033[K')"
TERM=xterm python3 terminal.py bar "$SELFSAME" build --runtime runtime
check 'a terminal: the build works' test $? -eq 0
check 'a terminal: a bar that redraws itself' grep -qF "${bar}packing [" bar
check 'a terminal: the bar is wiped at the end' sh -c 'tail -c 4 bar | od -An -tx1 | grep -q "0d 1b 5b 4b"'
check 'a terminal: standard output is the same' cmp terminal.out quiet.out
TERM=dumb python3 terminal.py dumb "$SELFSAME" build --runtime runtime
check 'a dumb terminal: lines' grep -q '^selfsame: packing' dumb
check 'a dumb terminal: no bar' sh -c '! grep -qF "$1" dumb' - "$bar"
TERM=xterm python3 terminal.py none "$SELFSAME" build --quiet --runtime runtime
check 'a terminal and --quiet: silence' test ! -s none
