# What a service manager sees of `dozan serve`: readiness, reload, the end, and logs in two forms.
. "$DOZAN_SOURCE/tests/scenario/lib/serve.sh"
experiment bowl 3 1 "$bowl"

# a manager's socket: what comes in is written down, a line for each
cat >manager.py <<'PY'
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("bound", flush=True)
while True:
    print(s.recv(4096).decode().replace("\n", " "), flush=True)
PY
python3 manager.py "$PWD/notify" >told &
manager=$!
wait_until grep -q bound told
dozan token alice >token 2>user
printf 'users:\n' >users.yaml
cat user >>users.yaml
NOTIFY_SOCKET=$PWD/notify
export NOTIFY_SOCKET
serve --auth users.yaml --log-format json
wait_until grep -q '^READY=1 ' told
[ "$(grep -c READY told)" = 1 ] || fail "it was ready more than once"
status 0 dozan submit bowl.yaml --server "$url" --token-file token --wait -q

# reload: a user more, and then a file with a mistake in it, which changes nothing
dozan token bob >token2 2>user2
cat user2 >>users.yaml
status 2 dozan get experiments --server "$url" --token-file token2
kill -HUP "$server"
wait_until grep -q '^RELOADING=1 .*MONOTONIC_USEC=[0-9]' told
ready_again() { [ "$(grep -c READY=1 told)" = "$1" ]; }
wait_until ready_again 2
status 0 dozan get experiments --server "$url" --token-file token2
echo 'users: nobody' >users.yaml
kill -HUP "$server"
wait_until ready_again 3
wait_until grep -q '"level":"error","event":"reload"' log
status 0 dozan get experiments --server "$url" --token-file token
curl -sS -o /dev/null "$url/no%22%0A%ff%c3%a9" || fail "no answer"
stop_serving
wait_until grep -q '^STOPPING=1 ' told
kill "$manager"
jq -es 'length > 5 and all(.[]; has("time") and has("level") and has("event"))' log >out || fail "the log is not all JSON"
jq -es 'any(.[]; .event == "request" and .status == 201 and .user == "alice" and .method == "POST")' log >out ||
    fail "the log lacks a request"
! grep -qF -e "$(cat token)" -e "$(cat token2)" log || fail "a token is in the log"

# the same as text
unset NOTIFY_SOCKET
serve
stop_serving
grep -q 'level=info event=start message="serving' log || fail "no line of text"

# the unit is what systemd takes, and names the program that is installed
cmake --install "$DOZAN_BUILD" --prefix "$PWD/prefix" >installed
unit=prefix/lib/systemd/system/dozan.service
grep -q "^ExecStart=$PWD/prefix/bin/dozan serve " "$unit" || fail "the unit starts another program"
[ -f prefix/lib/sysusers.d/dozan.conf ] || fail "no user is declared"
if command -v systemd-analyze >/dev/null; then
    systemd-analyze verify "$PWD/$unit" 2>verified || true
    ! grep -i 'dozan.service:[0-9]' verified || fail "systemd finds a mistake in the unit"
fi
