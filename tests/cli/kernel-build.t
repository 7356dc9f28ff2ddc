# The recipes themselves are tested in tests/kernel; here: what reaches them and what is refused.

try 2 kernel build --source x.tar.xz
err 'selfsame: error: --source and --sha256 belong together'
try 2 kernel build --profile tiny
err_has "'tiny'"
: >file
try 4 kernel build --output file/x
err "selfsame: error: cannot make folder 'file/x': Not a directory"
