#!/usr/bin/env python3
# Stands in for a training program: prints what such a program prints, epoch by epoch, and takes as long as it is told.
import argparse, json, sys, time
p = argparse.ArgumentParser()
for name, kind, default in (("--lr", float, 0.01), ("--momentum", float, 0.5), ("--epochs", int, 4), ("--rate", float, None),
                            ("--batch-size", int, 16), ("--decay", float, 0), ("--log-path", str, ""), ("--log", str, ""), ("--logger", str, "")):
    p.add_argument(name, type=kind, default=default)
a, _ = p.parse_known_args()
rate = a.rate if a.rate is not None else a.lr
path = a.log_path or a.log
out = open(path, "a") if path else sys.stdout
for epoch in range(1, max(a.epochs, 4) + 1):
    loss = abs(rate - 0.05) * 10 + 1 / epoch
    accuracy = max(0.0, 1 - loss / 4)
    if a.logger == "hypertune" or path.endswith(".json"):
        out.write(json.dumps({"loss": str(loss), "accuracy": accuracy, "timestamp": time.time()}) + "\n")
    elif path:
        out.write(f"{{metric: accuracy, value: {accuracy:.4f}}} {{metric: loss, value: {loss:.4f}}}\n")
    else:
        out.write(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()) + f" INFO     loss={loss:.4f} accuracy={accuracy:.4f}\n")
    out.flush()
    time.sleep(0.05)
