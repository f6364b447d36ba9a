# The watch of a client against a server with every fault: an end in the middle of a line, nonsense, 410 in the stream
# and as an answer, refusals that pass, a death; and one that ends the experiment while nobody watched.
cat >server.py <<'PY'
import http.server, json, sys, urllib.parse

steps = []       # what the watches of the experiment met, in order
answers = iter(["half", "nonsense", "gone-event", "gone-answer", "busy", "bookmark", "finish"])
state = {"version": 10, "type": "Running", "ended": 0, "asked": []}


def experiment():
    return {"apiVersion": "kubeflow.org/v1beta1", "kind": "Experiment",
            "metadata": {"name": "bowl", "namespace": "default", "resourceVersion": str(state["version"])},
            "spec": {"objective": {"objectiveMetricName": "loss"}},
            "status": {"trialsSucceeded": state["ended"],
                       "conditions": [{"type": state["type"], "status": "True", "reason": "R", "message": "M"}]}}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, code, tree):
        body = json.dumps(tree).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def status(self, code, reason, message):
        self.answer(code, {"kind": "Status", "status": "Failure", "reason": reason, "message": message, "code": code})

    def chunk(self, text):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(text), text))
        self.wfile.flush()

    def event(self, kind, obj):
        self.chunk(json.dumps({"type": kind, "object": obj}).encode() + b"\n")

    def do_GET(self):
        url = urllib.parse.urlparse(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        if url.path.endswith("/experiments/bowl"):
            return self.answer(200, experiment())
        if "watch" not in query:
            return self.status(404, "NotFound", "none")
        if url.path.endswith("/trials"):  # never tells anything, and ends when the client goes
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.flush()
            try:
                self.rfile.read(1)
            except OSError:
                pass
            self.close_connection = True
            return None
        step = next(answers, "finish")
        print(step, query["resourceVersion"], flush=True)
        if step == "gone-answer":
            state["version"] = 50
            return self.status(410, "Expired", "too old resource version")
        if step == "busy":
            return self.status(429, "TooManyRequests", "later")
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.close_connection = True
        if step == "half":
            state["version"] = 20
            self.event("MODIFIED", experiment())
            self.chunk(b'{"type":"MODIFIED","object":{"metad')
        elif step == "nonsense":
            state["version"] = 30
            self.chunk(b"this is no JSON\n")
        elif step == "gone-event":
            state["version"] = 40
            self.event("ERROR", {"kind": "Status", "code": 410, "reason": "Expired"})
        elif step == "bookmark":
            self.event("BOOKMARK", {"kind": "Experiment", "metadata": {"resourceVersion": "70"}})
            self.chunk(b"")  # the end of the stream, as it should be
        else:
            state.update(version=80, type=sys.argv[1])
            self.event("MODIFIED", experiment())
        return None


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
print("port", server.server_address[1], flush=True)
server.serve_forever()
PY
run_against() { # TYPE STATUS COMMAND...: the experiment comes to TYPE, and the command ends with STATUS
    rm -f seen
    python3 server.py "$1" >seen &
    server=$!
    trap 'kill "$server" 2>/dev/null || true' EXIT
    wait_until grep -q port seen
    wanted=$2
    shift 2
    status "$wanted" timeout 60 "$@" --server "http://127.0.0.1:$(sed -n 's/^port //p' seen)"
    kill "$server"
    wait "$server" 2>/dev/null || true
    grep -v port seen >steps
    cat >wanted <<'EOF'
half 10
nonsense 20
gone-event 30
gone-answer 40
busy 50
bookmark 50
finish 70
EOF
    cmp -s steps wanted || { diff steps wanted >&2; fail "the watch did not go on from where it was"; }
}
run_against Succeeded 0 dozan watch bowl
grep -q 'experiment bowl Running: M' out || fail "the beginning was not told"
grep -q 'experiment bowl Succeeded: M' out || fail "the end was not told"
[ "$(wc -l <out)" = 2 ] || fail "something was told twice"
err "the service is away"
run_against Failed 1 dozan wait bowl
run_against Failed 1 dozan wait bowl --for=condition=Succeeded
err "will not be Succeeded: M"
run_against Suspended 3 dozan watch bowl
