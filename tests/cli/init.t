# enclave.toml is written once, and reads back.

try 0 init --name payments new
out 'new/enclave.toml'
err ''
check 'the name stands in it' grep -qx 'name = "payments"' new/enclave.toml
try 2 init new
err "selfsame: error: 'new/enclave.toml' exists already"
check 'it is as it was' grep -qx 'name = "payments"' new/enclave.toml
try 2 init --name 'a b'
err "selfsame: error: --name must be letters, digits, '.', '_' and '-', at most 128"
mkdir 'odd name!'
try 0 init 'odd name!'
check 'a folder name becomes a name' grep -qx 'name = "odd-name-"' 'odd name!/enclave.toml'
sed -i -E 's/^# (\[|[a-z_]+ = )/\1/' new/enclave.toml
check 'the keys in comments are there' grep -qx '\[health\]' new/enclave.toml
try 2 build new
err_has "there is no 'new/Dockerfile'" # so the file was read
mkdir sealed && chmod 500 sealed
: >blocker
try 4 init blocker/x
err "selfsame: error: cannot make folder 'blocker/x': Not a directory"
