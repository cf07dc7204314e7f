"""Files as torch writes them, made without it: pickles by hand, zip archives and the older rows of pickles."""

import io
import pickle
import struct
import zipfile
from typing import NamedTuple

import numpy as np

STORAGES = {
    "f2": "HalfStorage",
    "f4": "FloatStorage",
    "f8": "DoubleStorage",
    "u2": "BFloat16Storage",
    "i8": "LongStorage",
}


class Global(NamedTuple):
    """A class or function by its module and name."""

    module: str
    name: str


class Call(NamedTuple):
    """What a function or class gives for arguments, and the state it then takes."""

    function: Global
    arguments: tuple = ()
    state: object = None


class Stored(NamedTuple):
    """A tensor: a view of an array of numbers in a row."""

    numbers: np.ndarray
    first: int = 0
    shape: tuple | None = None
    strides: tuple | None = None


def bfloat16(array):
    """The upper halves of float32 numbers, as bfloat16 has them."""
    return (np.ascontiguousarray(array, np.float32).view(np.uint32) >> 16).astype(np.uint16)


class _Writer:
    def __init__(self, legacy):
        self.legacy, self.numbers, self.keys = legacy, [], {}

    def pickled(self, value):
        return b"\x80\x02" + self.of(value) + b"."

    def of(self, value):
        if isinstance(value, np.ndarray):
            value = Stored(np.ravel(value), 0, value.shape)
        if isinstance(value, Stored):
            return self.tensor(value)
        if isinstance(value, Global):
            return f"c{value.module}\n{value.name}\n".encode()
        if isinstance(value, Call):
            made = self.of(value.function) + self.of(tuple(value.arguments)) + b"R"
            return made if value.state is None else made + self.of(value.state) + b"b"
        if isinstance(value, dict):
            return b"}(" + b"".join(self.of(key) + self.of(item) for key, item in value.items()) + b"u"
        if isinstance(value, tuple):
            return b"(" + b"".join(map(self.of, value)) + b"t"
        if isinstance(value, list):
            return b"](" + b"".join(map(self.of, value)) + b"e"
        return pickle.dumps(value, 2)[2:-1]

    def tensor(self, value):
        key = self.keys.setdefault(id(value.numbers), str(len(self.keys)))
        if key == str(len(self.numbers)):
            self.numbers.append(value.numbers)
        kind = Global("torch", STORAGES[value.numbers.dtype.str[1:]])
        pid = ("storage", kind, key, "cpu", value.numbers.size, *([None] if self.legacy else []))
        shape = value.numbers.shape if value.shape is None else value.shape
        strides = value.strides
        if strides is None:
            strides = tuple(int(np.prod(shape[i + 1 :], dtype=int)) for i in range(len(shape)))
        rebuild = self.of(Global("torch._utils", "_rebuild_tensor_v2"))
        rest = self.of(value.first) + self.of(tuple(shape)) + self.of(strides) + b"\x89"
        return rebuild + b"(" + self.of(pid) + b"Q" + rest + self.of(Call(Global("collections", "OrderedDict"))) + b"tR"


def zip_file(content, pickled=None, **entries):
    """The bytes of a file of today's kind; `pickled` takes the place of the content's pickle."""
    writer, out = _Writer(legacy=False), io.BytesIO()
    data = writer.pickled(content)
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("c/data.pkl", data if pickled is None else pickled)
        archive.writestr("c/byteorder", "little")
        for key, numbers in enumerate(writer.numbers):
            archive.writestr(f"c/data/{key}", numbers.tobytes())
        archive.writestr("c/version", "3\n")
        for name, text in entries.items():
            archive.writestr(f"c/{name}", text)
    return out.getvalue()


def legacy_file(content):
    """The bytes of a file as torch wrote it before 1.6."""
    writer = _Writer(legacy=True)
    machine = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    pickled = writer.pickled(content)
    head = [pickle.dumps(value, 2) for value in (0x1950A86A20F9469CFC6C, 1001, machine)]
    keys = [str(key) for key in range(len(writer.numbers))]
    rows = [struct.pack("<q", numbers.size) + numbers.tobytes() for numbers in writer.numbers]
    return b"".join([*head, pickled, pickle.dumps(keys, 2), *rows])
