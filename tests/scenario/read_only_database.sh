# A database in a folder that may not be written to, at rest, in use and left by a killed run, is read all the same; what
# would write says so. Root may write everywhere, and so reads as somebody else.
if [ "$(id -u)" = 0 ]; then
    chmod 755 .
    reader() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
    reader dozan --version >/dev/null 2>&1 || {
        echo "skipped: there is no setpriv, or the programs cannot be run by another user"
        exit 0
    }
else
    reader() { "$@"; }
fi
lock() { chmod a-w . folder; }
unlock() { chmod u+w . folder; }
trap unlock EXIT

mkdir folder
file='folder/a#b?c%41.db' # characters with a meaning in a URI
experiment kept 4 2 "$bowl"
status 0 dozan run kept.yaml --db "$file"
dozan get trials --db "$file" -o csv >before
exec 3>out.csv 4>messages
lock
reader dozan get trials --db "$file" -o csv >&3 2>&4 || { unlock && fail "cannot be read: $(cat messages)"; }
reader dozan describe experiment kept --db "$file" >/dev/null 2>&4 || { unlock && fail "cannot be described: $(cat messages)"; }
reader dozan delete kept --db "$file" 2>&4 && { unlock && fail "was deleted"; }
reader dozan run kept.yaml --db "$file" 2>&4 && { unlock && fail "was run"; }
unlock
cmp before out.csv || fail "another list is read"
[ "$(grep -c "^error: $file: .*not writable" messages)" = 2 ] || fail "not two refusals: $(cat messages)"

experiment slow 4 2 "$bowl; while [ ! -e $PWD/gate ]; do sleep 0.05; done"
dozan run slow.yaml -q --db folder/live.db >/dev/null 2>&1 &
run=$!
running() { reader dozan get trials --db folder/live.db -o csv | grep -q ',Running,'; }
wait_until running
kill -9 $run
wait $run || :
running || fail "what a killed run has left is not read"
touch gate
status 0 dozan resume slow --db folder/live.db
