# What nobody needs goes.

. "$SRC/tests/cli/inputs.sh"
one=$(object first)
two=$(object 'the second')
new=$(object new)
touch -d '100 days ago' "$(where "$one")" "$(where "$two")"
lock "http://h/a $one 5" >enclave.lock
try 0 inputs prune --unused-for 101
out '0 removed, 0 bytes; 3 left, 18 bytes'
try 0 inputs prune enclave.lock
out '1 removed, 10 bytes; 2 left, 8 bytes'
check 'what the lock names is there' test -e "$(where "$one")"
check 'what is new is there' test -e "$(where "$new")"
try 0 inputs verify enclave.lock
try 0 inputs prune
out '0 removed, 0 bytes; 2 left, 8 bytes'
try 0 inputs prune --unused-for 0
out '2 removed, 8 bytes; 0 left, 0 bytes'
try 1 inputs verify enclave.lock
try 3 inputs prune /dev/null
try 2 inputs prune --unused-for -1

# A build that uses the store holds its lock.
exec 9>>"$STORE/lock"
flock -s 9
try 4 inputs prune
err "selfsame: error: the store of inputs '$STORE' is in use by a build"
try 0 inputs verify
exec 9>&-
try 0 inputs prune
