#!/usr/bin/env python3
"""Makes the event files of this folder with tensorboardX (2.6.5), a writer that is none of ours:

    python3 -m venv v && v/bin/pip install tensorboardX==2.6.5 && v/bin/python make.py

The times and the host's name are fixed, so that the files come out the same again.
"""
import os
import shutil
import struct
import time
from unittest import mock

import numpy
from tensorboardX import FileWriter, SummaryWriter
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.proto.summary_pb2 import Summary
from tensorboardX.proto.tensor_pb2 import TensorProto
from tensorboardX.proto.tensor_shape_pb2 import TensorShapeProto

HERE = os.path.dirname(os.path.abspath(__file__))
BEGIN = 1700000000


def scalars(folder, write):
    path = os.path.join(HERE, folder)
    shutil.rmtree(path, ignore_errors=True)
    with mock.patch("socket.gethostname", return_value="host"), \
            mock.patch("time.time", return_value=float(BEGIN)), \
            mock.patch("os.getpid", return_value=1):
        write(path)
    for number, name in enumerate(sorted(os.listdir(path))):
        os.rename(os.path.join(path, name), os.path.join(path, f"events.out.tfevents.{BEGIN + number}.host"))


def simple(path):
    """What TF 1 and torch write: simple values."""
    with SummaryWriter(path) as writer:
        for step, (accuracy, loss) in enumerate([(0.1, 2.5), (0.5, 1.25), (0.9312, float("nan"))]):
            writer.add_scalar("accuracy", accuracy, step * 100, walltime=BEGIN + step + 0.5)
            writer.add_scalar("loss", loss, step * 100, walltime=BEGIN + step + 0.5)
            writer.add_scalar("loss_reg", 7, step * 100, walltime=BEGIN + step + 0.5)
        writer.add_histogram("weights", numpy.arange(4), 0, walltime=BEGIN, bins=2)


def tensors(path):
    """What TF 2 writes: tensors of one element, by content or by value."""
    kinds = [("float", 1, struct.pack("<f", 0.1), None), ("double", 2, struct.pack("<d", 0.1), None),
             ("int", 3, struct.pack("<i", -7), None), ("long", 9, struct.pack("<q", 1 << 40), None),
             ("half", 19, numpy.float16(0.3333).tobytes(), None), ("bfloat", 14, struct.pack("<f", 1.5)[2:], None),
             ("double_val", 2, None, {"double_val": [2.5]}), ("float_val", 1, None, {"float_val": [0.2]}),
             ("half_val", 19, None, {"half_val": [0x3555]}), ("vector", 1, struct.pack("<ff", 1, 2), None)]
    writer = FileWriter(path)
    for step, (tag, dtype, content, values) in enumerate(kinds):
        sizes = [len(content) // 4] if tag == "vector" else []
        shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=size) for size in sizes])
        tensor = TensorProto(dtype=dtype, tensor_shape=shape, **(values or {"tensor_content": content}))
        summary = Summary(value=[Summary.Value(tag=tag, tensor=tensor)])
        writer.event_writer.add_event(Event(wall_time=BEGIN + step, step=step, summary=summary))
    writer.close()


scalars("simple", simple)
scalars("tensors", tensors)
