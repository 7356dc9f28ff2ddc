# With enclaves: tests/host/supervisor.py. Here: what is refused, and that nothing is made.

mkdir -m 700 runtime
export XDG_RUNTIME_DIR="$PWD/runtime"
try 0 list
out 'NAME                 STATE           PID    CID  CPUS  MEMORY  PORTS'
err ''
try 0 list --json
out '[]'
err ''
try 2 list app
err "selfsame: error: list: one argument too many: 'app'"
check 'asking makes no folder' sh -c 'test -z "$(ls runtime)"'

# What a supervisor left that is gone: a socket and a lock that nobody holds.
mkdir -m 700 runtime/selfsame
python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("runtime/selfsame/gone.sock")'
: >runtime/selfsame/gone.lock
: >runtime/selfsame/other
try 0 list --json
out '[]'
check 'what was left is removed, and nothing else' test "$(ls runtime/selfsame)" = other
