"""The program of an MLproject: its entry point gives it its parameters."""
import argparse
import math

parser = argparse.ArgumentParser()
parser.add_argument("rate", type=float)
parser.add_argument("width", type=int)
parser.add_argument("--epochs", type=int)
parser.add_argument("--kind")
args = parser.parse_args()
loss = 4.0
for _ in range(args.epochs):
    loss -= loss * args.rate * math.exp(-((args.width - 48) ** 2) / 800) * (0.5 if args.kind == "plain" else 1)
print(f"loss={loss}")
