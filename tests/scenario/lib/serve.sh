# What scenarios of `dozan serve` share: a service on free ports, which ends with the scenario.

# serve OPTIONS...: starts it, and waits until it is ready; $url, $kubeconfig and $server (its pid) are set.
serve() {
    kubeconfig=$PWD/kubeconfig
    rm -f "$kubeconfig"
    dozan serve --db dozan.db --listen 127.0.0.1:0 --write-kubeconfig "$kubeconfig" "$@" 2>>log &
    server=$!
    trap 'kill "$server" 2>/dev/null || true' EXIT
    wait_until test -s "$kubeconfig"
    url=$(sed -n 's/^ *server: //p' "$kubeconfig")
    KUBECONFIG=$kubeconfig
    export KUBECONFIG
}

# stop_serving: as an operator does; it must end well, and soon.
stop_serving() {
    kill -TERM "$server"
    got=0
    wait "$server" || got=$?
    [ "$got" = 0 ] || fail "dozan serve ended with $got"
}

# http STATUS METHOD PATH [CURL'S OPTIONS...]: one request; its answer is in the file out.
http() {
    wanted=$1 method=$2 path=$3
    shift 3
    got=$(curl -sS -o out -w '%{http_code}' -X "$method" "$@" "$url$path" 2>err) || fail "curl $method $path failed"
    [ "$got" = "$wanted" ] || fail "$method $path gave $got, not $wanted"
}
