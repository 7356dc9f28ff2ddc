# With a machine: tests/host. Here: what is refused before one is looked for. Every failure is 125.

mkdir -m 700 runtime
export XDG_RUNTIME_DIR="$PWD/runtime"
try 125 run
err 'selfsame: error: run needs FILE'
try 125 run a.eif b.eif
err "selfsame: error: run: one argument too many: 'b.eif'"
try 125 run --prot 80:80 a.eif
err "selfsame: error: run: unknown option '--prot'; did you mean '--port'?"
try 125 run --cpus 0 a.eif
err 'selfsame: error: --cpus: 0 is out of range; it goes from 1 to 1024'
try 125 run none.eif
err "selfsame: error: cannot open 'none.eif': No such file or directory"
out ''
try 125 run --json none.eif
err "selfsame: error: cannot open 'none.eif': No such file or directory"
out <<'END'
{
  "Error": "cannot open 'none.eif': No such file or directory",
  "Hint": null,
  "ExitStatus": 125
}
END
echo text >text.eif
try 125 run text.eif
err_has "selfsame: error: 'text.eif': "
echo 'policy = "production"' >policy.toml
try 125 run --debug --policy policy.toml text.eif
err <<'END'
selfsame: error: --debug: this host's policy is "production"
selfsame: hint: in debug mode the console is open and PCR0 to PCR2 are zero: nobody could verify the enclave
END
try 125 run --detach text.eif
err_has "selfsame: error: 'text.eif': "
check 'nothing is made' sh -c 'test -z "$(ls runtime)"'

# What systemd and Kubernetes are told to start is a call that run understands.
unit=$SRC/contrib/selfsame@.service
options=$(sed -n 's/^# .*SELFSAME_OPTIONS=//p' "$unit")
check 'the unit shows options' test -n "$options"
# shellcheck disable=SC2046 # words
try 125 $(sed -n 's|^ExecStart=/usr/bin/selfsame ||p' "$unit" | sed "s|%i|hello|g; s|.SELFSAME_OPTIONS|$options|")
err "selfsame: error: cannot open '/var/lib/selfsame/hello.eif': No such file or directory"
# shellcheck disable=SC2046
try 125 $(tr '\n' ' ' <"$SRC/docs/nitro.md" | sed -E 's|.*command: \[/usr/bin/selfsame, ([^]]*)\].*|\1|; s/[",]/ /g')
err "selfsame: error: cannot open '/hello.eif': No such file or directory"
