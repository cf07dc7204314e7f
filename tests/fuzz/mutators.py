"""Changes to files: of their bytes, which checksums must find, and of what they state, with right checksums.

Every mutator takes its decisions from a `random.Random`, which may be Hypothesis's.
"""

import dataclasses
from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple

import numpy as np

from cca_jax.bitstream import container
from cca_jax.bitstream.boxes.section import Box
from cca_jax.entropy_coding.coders import get_coder
from cca_jax.entropy_coding.tables import CodingTables
from tests.fuzz.fields import Entry, Fields, fields_of

_SIDES = (1, 63, 64, 65, 100, 128)
"""Of images that are decoded: few shapes, so that few programs are compiled."""
_EDGES = (
    0,
    1,
    2,
    127,
    128,
    255,
    256,
    4095,
    16384,
    65535,
    65536,
    1 << 24,
    (1 << 28) - 1,
    (1 << 32) - 1,
    1 << 32,
    1 << 34,
)
_WILD_SIDES = (0, 20_000, 65_535, 1 << 16, 1 << 24, (1 << 32) - 1, 1 << 34)
_MAX_STREAM = 2000


class Seed(NamedTuple):
    """A valid file, and the tables of z of its model."""

    name: str
    data: bytes
    hyper: CodingTables


class Mutated(NamedTuple):
    """A file that was made of a valid one.

    Attributes:
        data: the file.
        seed: of what.
        kind: how it was changed.
        damaged: whether its checksums are as they were, so that a decoder must refuse it.
    """

    data: bytes
    seed: Seed
    kind: str
    damaged: bool


def mutate(random: Random, seeds: Sequence[Seed]) -> Mutated:
    """A file changed in its bytes, or in one to three of the things that it states."""
    seed = random.choice(seeds)
    if random.random() < 0.25:
        change = random.choice(_OF_BYTES)
        return Mutated(change(random, seed.data, random.choice(seeds).data), seed, change.__name__.strip("_"), True)
    fields, kinds = fields_of(seed.data), []
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        change = random.choice(_OF_FIELDS)
        fields = change(random, fields, seed, seeds)
        kinds.append(change.__name__.strip("_"))
    return Mutated(fields.pack(), seed, "+".join(kinds), False)


def _flip_bits(random: Random, data: bytes, other: bytes) -> bytes:
    changed = bytearray(data)
    for position in random.sample(range(8 * len(data)), random.choice((1, 1, 1, 2, 8, 64))):
        changed[position // 8] ^= 1 << position % 8
    return bytes(changed)


def _cut(random: Random, data: bytes, other: bytes) -> bytes:
    return data[: random.randrange(len(data))]


def _insert(random: Random, data: bytes, other: bytes) -> bytes:
    place = random.randrange(len(data) + 1)
    return data[:place] + _noise(random, random.randint(1, 40)) + data[place:]


def _remove(random: Random, data: bytes, other: bytes) -> bytes:
    place = random.randrange(len(data))
    return data[:place] + data[place + random.randint(1, 40) :]


def _splice(random: Random, data: bytes, other: bytes) -> bytes:
    place = random.randrange(1, len(data))
    return data[:place] + other[min(place, len(other) - 1) if random.random() < 0.5 else random.randrange(len(other)) :]


def _overwrite(random: Random, data: bytes, other: bytes) -> bytes:
    place, length = random.randrange(len(data)), random.randint(1, 12)
    return data[:place] + _noise(random, min(length, len(data) - place)) + data[place + length :]


def _noise(random: Random, length: int) -> bytes:
    kind = random.randrange(4)
    if kind < 2:
        return bytes([(0, 255)[kind]]) * length
    return bytes(random.randrange(256) for _ in range(length))


def _sides(random: Random, fields: Fields, seed: Seed, seeds: Sequence[Seed]) -> Fields:
    return dataclasses.replace(fields, width=random.choice(_SIDES), height=random.choice(_SIDES))


def _wild_sides(random: Random, fields: Fields, seed: Seed, seeds: Sequence[Seed]) -> Fields:
    return dataclasses.replace(fields, **{random.choice(("width", "height")): random.choice(_WILD_SIDES)})


def _layout(random: Random, fields: Fields, seed: Seed, seeds: Sequence[Seed]) -> Fields:
    return dataclasses.replace(fields, layout=random.choice((random.randrange(256), fields.layout ^ 3)))


def _version(random: Random, fields: Fields, seed: Seed, seeds: Sequence[Seed]) -> Fields:
    return dataclasses.replace(fields, version=random.choice((0, 1, 2, 3, 4, 5, 255)))


def _identity(random: Random, fields: Fields, seed: Seed, seeds: Sequence[Seed]) -> Fields:
    other = fields_of(random.choice(seeds).data).identity
    return dataclasses.replace(fields, identity=random.choice((other, _noise(random, 8))))


def _quality(random: Random, fields: Fields, seed: Seed, seeds: Sequence[Seed]) -> Fields:
    return dataclasses.replace(
        fields, quality=random.choice((0, 1, 255, 256, 25600, 25601, 65535, random.randrange(65536)))
    )


def _tile(random: Random, fields: Fields, seed: Seed, seeds: Sequence[Seed]) -> Fields:
    tile = random.choice((None, (0, 0), (1, 1), (1, 2), (2, 1), (2, 2), (0, 1), (255, 255), (3, 1)))
    return dataclasses.replace(fields, tile=tile, version=fields.version if tile is None else random.choice((3, 4)))


def _number_of_entries(random: Random, fields: Fields, seed: Seed, seeds: Sequence[Seed]) -> Fields:
    entries = random.choice((fields.entries[:-1], fields.entries[1:], fields.entries * 2, fields.entries * 4))
    return dataclasses.replace(fields, entries=entries)


def _lengths(random: Random, fields: Fields, seed: Seed, seeds: Sequence[Seed]) -> Fields:
    return _with_entry(random, fields, lambda entry: dataclasses.replace(entry, length=random.choice(_EDGES)))


def _symbol_check(random: Random, fields: Fields, seed: Seed, seeds: Sequence[Seed]) -> Fields:
    return _with_entry(random, fields, lambda entry: dataclasses.replace(entry, symbols=random.randrange(65536)))


def _stream(random: Random, fields: Fields, seed: Seed, seeds: Sequence[Seed]) -> Fields:
    """Other bytes, which checksums do not see: only the check of symbols is left."""
    other = fields_of(random.choice(seeds).data).entries

    def change(entry: Entry) -> Entry:
        kind, data = random.randrange(6), entry.data
        if kind == 0:
            data = _noise(random, random.randrange(_MAX_STREAM))
        elif kind == 1:
            data = data[: random.randrange(len(data) + 1)]
        elif kind == 2:
            data += _noise(random, random.randint(1, 20))
        elif kind == 3:
            data = random.choice(other).data
        elif kind == 4 and data:
            data = _flip_bits(random, data * 9, b"")[: len(data)]
        elif kind == 5:
            return random.choice(other)
        return dataclasses.replace(entry, data=data)

    return _with_entry(random, fields, change)


def _order(random: Random, fields: Fields, seed: Seed, seeds: Sequence[Seed]) -> Fields:
    return dataclasses.replace(fields, entries=tuple(random.sample(fields.entries, len(fields.entries))))


def _escapes(random: Random, fields: Fields, seed: Seed, seeds: Sequence[Seed]) -> Fields:
    """Symbols of z that no encoder would write, properly coded: the networks see them."""
    rows, columns = -(-fields.height // 64), -(-fields.width // 64)
    if fields.layout & 7 not in (1, 2) or not 0 < rows * columns <= 16 or not fields.entries:
        return fields
    count = rows * columns if fields.tile is None else 1
    indexes = np.tile(np.arange(seed.hyper.count, dtype=np.int32), count)
    extremes = (0, 1, -1, 40, -300, 1 << 20, -(1 << 31), (1 << 31) - 1)
    one = random.choice(extremes)
    symbols = np.array([one if random.random() < 0.7 else random.choice(extremes) for _ in indexes], np.int32)
    data = get_coder(fields.layout & 7).encode(symbols, indexes, seed.hyper)
    entry = Entry(data, container.symbol_check(symbols))
    return dataclasses.replace(fields, entries=(entry, *fields.entries[1:]))


def _boxes(random: Random, fields: Fields, seed: Seed, seeds: Sequence[Seed]) -> Fields:
    """Boxes of another file, in another order, of other kinds or with other contents, or a section of another size."""
    boxes = list(random.choice((fields.boxes, fields_of(random.choice(seeds).data).boxes)))
    for _ in range(random.randint(1, 3)):
        kind = random.choice((0, 1, 2, 3, 4, 5, 6, 128, 255))
        if not boxes or random.random() < 0.3:
            boxes.append(Box(kind, _noise(random, random.randrange(60))))
        place = random.randrange(len(boxes))
        content = boxes[place].content
        change = random.randrange(5)
        if change == 0:
            boxes[place] = Box(kind, content)
        elif change == 1:
            boxes.append(boxes[place])
        elif change == 2:
            boxes[place] = Box(boxes[place].kind, content[: random.randrange(len(content) + 1)])
        elif content:
            at = random.randrange(min(len(content), random.choice((1, 8, 40, 1 << 20))))
            boxes[place] = Box(boxes[place].kind, content[:at] + _noise(random, 1) + content[at + 1 :])
    size = random.choice((None, None, None, *_EDGES))
    tile = (0, 0) if fields.tile is None else fields.tile
    return dataclasses.replace(fields, version=4, tile=tile, boxes=tuple(boxes), box_bytes=size)


def _with_entry(random: Random, fields: Fields, change: Callable[[Entry], Entry]) -> Fields:
    entries = list(fields.entries)
    if entries:
        place = random.randrange(len(entries))
        entries[place] = change(entries[place])
    return dataclasses.replace(fields, entries=tuple(entries))


_OF_BYTES = (_flip_bits, _flip_bits, _cut, _insert, _remove, _splice, _overwrite)
_OF_FIELDS = (
    *(_sides, _wild_sides, _layout, _version, _identity, _quality, _tile, _number_of_entries, _lengths, _symbol_check),
    *(_stream, _stream, _stream, _stream, _order, _escapes, _escapes, _boxes, _boxes),
)
