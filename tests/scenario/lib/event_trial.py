"""A trial that writes event files as TensorFlow does: event_trial.py FOLDER X. Beside the scalars of two folders it leaves a
second file, and at the end half a record, as a program does that is killed."""
import os
import struct
import sys
import time


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(data):
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def part(number, data):
    return bytes([number << 3 | 2, len(data)]) + data


def event(step, tag, value):
    scalar = part(1, tag.encode()) + b"\x15" + struct.pack("<f", value)
    return b"\x09" + struct.pack("<d", 1700000000 + step) + b"\x10" + bytes([step]) + part(5, part(1, scalar))


def framed(data):
    length = struct.pack("<Q", len(data))
    return length + masked(length) + data + masked(data)


root, x = sys.argv[1], float(sys.argv[2])
for folder, shift in (("train", 100), ("test", 0)):
    os.makedirs(os.path.join(root, folder), exist_ok=True)
    for number in range(2):
        with open(os.path.join(root, folder, f"events.out.tfevents.{number}"), "wb", buffering=0) as file:
            for step in range(2):
                record = framed(event(2 * number + step, "loss", shift + x * x + 3 - 2 * number - step))
                file.write(record[:15])
                time.sleep(0.01)
                file.write(record[15:])
            if number == 1:
                file.write(record[:20])
