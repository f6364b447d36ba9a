"""A trial that serves its metrics as Prometheus reads them: scraped_trial.py X [CERTIFICATE KEY]. It ends when its last
value has been asked for."""
import http.server
import os
import ssl
import sys

x = float(sys.argv[1])
answers = 0


class Metrics(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        global answers
        if self.path != "/own/metrics?all=1" or self.headers["X-Key"] != "secret":
            self.send_error(404)
            return
        answers += 1
        text = f'# TYPE loss gauge\nloss{{split="train"}} 99\nloss{{split="test"}} {x * x + 3 - answers}\nother{{ 1\n'
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", int(os.environ["DOZAN_METRICS_PORT"])), Metrics)
if len(sys.argv) > 2:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[2], sys.argv[3])
    server.socket = context.wrap_socket(server.socket, server_side=True)
server.timeout = 10
while answers < 3:
    server.handle_request()
