"""Image files that no library here writes, byte by byte, and the formulae of sRGB in plain numbers."""

import itertools
import struct
import zlib

import numpy as np


def png_chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(samples, depth=8, color_type=2, chunks=()):
    """A PNG of samples [H, W] or [H, W, C], with more chunks (kind, data) before the pixels."""
    samples = np.asarray(samples)
    height, width = samples.shape[:2]
    rows = []
    for row in samples.reshape(height, -1):
        if depth == 16:
            packed = row.astype(">u2").tobytes()
        else:
            bits = "".join(f"{value:0{depth}b}" for value in row)
            bits += "0" * (-len(bits) % 8)
            packed = int(bits, 2).to_bytes(len(bits) // 8, "big")
        rows.append(b"\0" + packed)
    header = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(b"".join(rows))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*part) for part in parts)


def gamma_chunk(value):
    return (b"gAMA", struct.pack(">I", value))


def chromaticity_chunk(white, red, green, blue):
    return (
        b"cHRM",
        struct.pack(">8I", *(round(100_000 * value) for point in (white, red, green, blue) for value in point)),
    )


def coded_chunk(primaries, transfer, matrix=0, full_range=1):
    return (b"cICP", bytes([primaries, transfer, matrix, full_range]))


def profile_chunk(profile):
    return (b"iCCP", b"name\0\0" + zlib.compress(profile))


_TIFF_TYPES = {"B": 1, "H": 3, "I": 4, "R": 5, "X": 7, "A": 2}


def tiff(samples, tags=(), order="<", pages=()):
    """An uncompressed TIFF.

    Args:
        samples: [H, W] or [H, W, C], uint8 or uint16, or bytes of packed rows with `tags` that say all else.
        tags: number to (type letter of struct, or R for rationals, and values) that replace the defaults.
        order: "<" or ">".
        pages: further (samples, tags).
    """
    body = b""
    offset, links = 8, []
    for page_samples, page_tags in [(samples, dict(tags)), *((s, dict(t)) for s, t in pages)]:
        array = np.asarray(page_samples)
        height, width = array.shape[:2]
        channels = 1 if array.ndim == 2 else array.shape[2]
        strip = array.astype(array.dtype.newbyteorder(order)).tobytes()
        strip += b"\0" * (len(strip) % 2)
        entries = {
            256: ("H", [width]),
            257: ("H", [height]),
            258: ("H", [8 * array.dtype.itemsize] * channels),
            259: ("H", [1]),
            262: ("H", [1 if channels == 1 else 2]),
            273: ("I", [offset]),
            277: ("H", [channels]),
            278: ("H", [height]),
            279: ("I", [array.nbytes]),
            **page_tags,
        }
        body += strip
        offset += len(strip)
        folder, links_at = tiff_folder(entries, offset, order)
        links.append((offset, links_at))
        body += folder
        offset += len(folder)
    data = bytearray((b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", links[0][0]) + body)
    for (_, link), (following, _) in itertools.pairwise(links):
        struct.pack_into(order + "I", data, link, following)
    return bytes(data)


def tiff_folder(entries, offset, order):
    """A folder of tags and the values behind it; also where the link to the next folder is."""
    table, values = b"", b""
    behind = offset + 2 + 12 * len(entries) + 4
    for tag in sorted(entries):
        letter, value = entries[tag]
        if letter == "R":
            packed, count = struct.pack(f"{order}{len(value)}I", *value), len(value) // 2
        elif letter in "XA":
            packed, count = bytes(value), len(value)
        else:
            packed, count = struct.pack(f"{order}{len(value)}{letter}", *value), len(value)
        if len(packed) > 4:
            place = struct.pack(order + "I", behind + len(values))
            values += packed + b"\0" * (len(packed) % 2)
        else:
            place = packed.ljust(4, b"\0")
        table += struct.pack(order + "HHI", tag, _TIFF_TYPES[letter], count) + place
    head = struct.pack(order + "H", len(entries)) + table
    return head + bytes(4) + values, offset + len(head)


def exif(color_space=None, interoperability=None, orientation=None, order="<"):
    """Exif as a TIFF structure, with a maker's note that holds its own place."""
    private = {0x927C: ("X", b"MAKER\0" + bytes(range(30)))}
    if color_space is not None:
        private[0xA001] = ("H", [color_space])
    main = {0x010F: ("X", b"Camera works\0")}
    if orientation is not None:
        main[0x0112] = ("H", [orientation])
    main[0x8769] = ("I", [0])
    if interoperability is not None:
        private[0xA005] = ("I", [0])
    first, _ = tiff_folder(main, 8, order)
    exif_at = 8 + len(first) + len(first) % 2
    second, _ = tiff_folder(private, exif_at, order)
    third_at = exif_at + len(second) + len(second) % 2
    main[0x8769] = ("I", [exif_at])
    if interoperability is not None:
        private[0xA005] = ("I", [third_at])
    first, _ = tiff_folder(main, 8, order)
    second, _ = tiff_folder(private, exif_at, order)
    data = (
        (b"II*\0" if order == "<" else b"MM\0*")
        + struct.pack(order + "I", 8)
        + first.ljust(exif_at - 8, b"\0")
        + second
    )
    if interoperability is not None:
        third, _ = tiff_folder({1: ("X", interoperability + b"\0")}, third_at, order)
        data = data.ljust(third_at, b"\0") + third
    return data


def srgb_signal(light):
    """The signal of sRGB (IEC 61966-2-1) for light, both 0 to 1."""
    light = np.clip(np.asarray(light, float), 0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def srgb_light(signal):
    """The inverse of `srgb_signal`."""
    signal = np.asarray(signal, float)
    return np.where(signal <= 0.04045, signal / 12.92, ((signal + 0.055) / 1.055) ** 2.4)


def adobe_to_srgb(samples):
    """8-bit sRGB, not rounded, of 8-bit Adobe RGB (1998) within sRGB.

    Both have the same red, blue and white, so that only green's share differs: the matrix of the two's chromaticities.
    """
    light = (np.asarray(samples) / 255) ** (2 + 51 / 256)
    matrix = np.array([[1.39835574, -0.39835574, 0], [0, 1, 0], [0, -0.04292898, 1.04292898]])
    return 255 * srgb_signal(light @ matrix.T)


def icc_profile(space, tags):
    """An ICC profile (version 2.4) for an input device of a colour space ("RGB ", "CMYK", "GRAY").

    Args:
        space: its signature.
        tags: from signatures to contents; a white point, a description and a copyright are added.
    """
    text = b"text\0\0\0\0made here\0"
    name = b"a table"
    description = b"desc\0\0\0\0" + struct.pack(">I", len(name) + 1) + name + b"\0" + bytes(4 + 4 + 2 + 1 + 67)
    white = b"XYZ \0\0\0\0" + struct.pack(">3I", 63_190, 65_536, 54_061)  # D50
    contents = {b"desc": description, b"wtpt": white, b"cprt": text, **tags}
    offset, table, body = 128 + 4 + 12 * len(contents), b"", b""
    for signature, content in contents.items():
        content += b"\0" * (-len(content) % 4)
        table += struct.pack(">4sII", signature, offset + len(body), len(content))
        body += content
    header = struct.pack(
        ">I4sI4s4s4s", 0, b"\0" * 4, 0x02400000, b"prtr" if space == b"CMYK" else b"scnr", space, b"Lab "
    )
    header += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + struct.pack(">3I", 63_190, 65_536, 54_061)
    data = header.ljust(128, b"\0") + struct.pack(">I", len(contents)) + table + body
    return struct.pack(">I", len(data)) + data[4:]


def lightness_profile(space, weights):
    """A profile of tables (lut16Type) after which L* is 100 times the weighted sum of the samples, a* and b* are 0.

    Args:
        space: its signature.
        weights: one a channel; where they are negative L* is 100 plus the sum.
    """
    count = len(weights)
    nodes = np.stack(np.meshgrid(*[[0.0, 1.0]] * count, indexing="ij"), axis=-1).reshape(-1, count)
    lightness = np.clip(nodes @ np.array(weights) + (1 if min(weights) < 0 else 0), 0, 1)
    colors = np.stack([lightness * 0xFF00, np.full(len(nodes), 0x8000), np.full(len(nodes), 0x8000)], axis=-1)
    table = b"mft2\0\0\0\0" + bytes([count, 3, 2, 0]) + struct.pack(">9i", *np.eye(3, dtype=int).ravel() * 65_536)
    table += struct.pack(">HH", 2, 2) + struct.pack(">2H", 0, 65_535) * count
    table += np.round(colors).astype(">u2").tobytes() + struct.pack(">2H", 0, 65_535) * 3
    return icc_profile(space, {b"A2B0": table})


def gray_of_lightness(lightness):
    """The signal of sRGB, 0 to 1, of a grey of some L*, by the definition of CIELAB."""
    lightness = np.asarray(lightness, float)
    light = np.where(lightness > 8, ((lightness + 16) / 116) ** 3, lightness * 27 / 24389)
    return srgb_signal(light)
