"""The worked example of docs/file/format.md is a file, and says of it what it is."""

import re
import zlib
from pathlib import Path

from cca_jax.bitstream import container
from cca_jax.bitstream.boxes.picture import Samples, unpack_samples
from cca_jax.bundles import registry

DOCUMENT = Path(__file__).parents[2] / "docs" / "file" / "format.md"


def documented():
    """The bytes of the example, by their field, in order."""
    text = DOCUMENT.read_text(encoding="utf-8").split("**A worked example.**")[1].split("**Tiles.**")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| `")]
    return [(field, bytes.fromhex(cells.replace("`", ""))) for cells, field, _ in rows]


def test_the_example_is_a_file():
    fields = documented()
    data = b"".join(content for _, content in fields)
    assert len(data) == 83
    file = container.read(data)
    assert (file.version, file.width, file.height, file.quality, file.coder, file.tile) == (4, 1, 1, 1.0, 1, None)
    assert registry.find_model(file.model_identity).name == "lite"
    (box,) = file.boxes
    assert unpack_samples(box.content) == Samples(8, gray=True)
    by_field = dict(fields)
    streams = [by_field["z"], by_field["y1"], by_field["y2"], *(bytes([byte]) for byte in by_field["y3, y4, y5"])]
    assert [stream.data for stream in file.streams] == streams
    assert container.write(file) == data


def test_the_checksums_are_of_what_the_example_says():
    fields = documented()
    names = [name for name, _ in fields]
    prefix = b"".join(content for _, content in fields[: names.index("– kind")])
    by_field = dict(fields)
    box = prefix + by_field["– kind"] + by_field["– length"] + by_field["– content"]
    assert zlib.crc32(box).to_bytes(4, "little") == by_field["– checksum"]
    head, checksum = by_field["stream z"][:3], by_field["stream z"][3:]
    assert zlib.crc32(prefix + head + by_field["z"]).to_bytes(4, "little") == checksum
    stated = re.search(r"of the (\d+) bytes before the box", DOCUMENT.read_text(encoding="utf-8"))
    assert len(prefix) == int(stated.group(1))
