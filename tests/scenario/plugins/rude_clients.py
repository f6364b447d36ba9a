"""Clients that a server must bear: rude_clients.py PORT. While those that say half a request hold on, requests that are
malformed or too large are refused, and an ordinary one is answered."""

import socket
import sys

PORT = int(sys.argv[1])


def dial(data=b""):
    s = socket.create_connection(("127.0.0.1", PORT), timeout=30)
    s.sendall(data)
    return s


def answer(data):
    """The status; None when the server has only closed the connection."""
    with dial() as s:
        got = b""
        try:
            s.sendall(data)
            while b"\r\n" not in got:
                more = s.recv(4096)
                if not more:
                    break
                got += more
        except (BrokenPipeError, ConnectionResetError):
            pass
        return int(got.split()[1]) if got.startswith(b"HTTP/1.") else None


half = [b"", b"G", b"GET /healthz HTTP/1.1\r\nHost: loc", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n",
        b"POST /apis/kubeflow.org/v1beta1/namespaces/default/experiments HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Length: 1000\r\n\r\n{\"kind\":"]
held = [dial(half[i % len(half)]) for i in range(200)]

host = b"Host: localhost\r\n"
cases = [
    ("no HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 64 + b"\r\n\r\n", range(400, 500)),
    ("no host", b"GET /metrics HTTP/1.1\r\n\r\n", range(400, 500)),
    ("another host", b"GET /metrics HTTP/1.1\r\nHost: example.org\r\n\r\n", range(400, 500)),
    ("a header without an end", b"GET / HTTP/1.1\r\n" + host + b"A: " + b"a" * 200000 + b"\r\n\r\n", range(400, 500)),
    ("very many headers", b"GET / HTTP/1.1\r\n" + host + b"A: b\r\n" * 20000 + b"\r\n", range(400, 500)),
    ("a long path", b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n" + host + b"\r\n", range(400, 500)),
    ("a huge body", b"POST /api/v1/namespaces HTTP/1.1\r\n" + host + b"Content-Length: 99999999999\r\n\r\n", (413,)),
    ("a negative length", b"POST /api/v1/namespaces HTTP/1.1\r\n" + host + b"Content-Length: -5\r\n\r\n",
     range(400, 500)),
    ("a broken chunk", b"POST /api/v1/namespaces HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
     range(400, 500)),
    ("a 0 in the path", b"GET /api/v1/namespaces/a%00b HTTP/1.1\r\n" + host + b"\r\n", (400,)),
    ("deep JSON", b"POST /api/v1/namespaces HTTP/1.1\r\n" + host +
     b"Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n" + b"[" * 100000, (400, 413, 422)),
]
failed = 0
for name, data, wanted in cases:
    status = answer(data)
    if status is not None and status not in wanted:
        print(f"{name}: answered {status}")
        failed = 1
    status = answer(b"GET /healthz HTTP/1.1\r\n" + host + b"\r\n")
    if status != 200:
        print(f"after {name}, an ordinary request gave {status}")
        failed = 1
for s in held:
    s.close()
sys.exit(failed)
