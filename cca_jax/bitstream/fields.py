"""The fields of a header: bytes, and numbers of as many bytes as they need."""

from cca_jax.entropy_coding.errors import CorruptError

_VARINT_BYTES = 5
AGAIN = "copy or download it again"
"""What to do about a damaged file, in messages."""


def varint(value: int) -> bytes:
    """A number of at least 0 as unsigned LEB128, in its shortest form."""
    groups = bytearray()
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    groups.append(value)
    return bytes(groups)


class Cursor:
    """Takes fields from the front of a header; CorruptError where it ends too early or holds no such field."""

    def __init__(self, data: bytes, position: int) -> None:
        self.data, self.position = data, position

    def take(self, count: int) -> bytes:
        """The next bytes."""
        field = self.data[self.position : self.position + count]
        if len(field) < count:
            raise CorruptError(f"the file is cut short within its header, at {len(self.data)} bytes: {AGAIN}")
        self.position += count
        return field

    def varint(self) -> int:
        """The next number; see `varint`."""
        value = 0
        for group in range(_VARINT_BYTES):
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << 7 * group
            if byte < 0x80:
                if byte == 0 and group > 0:  # a second way to write the same number
                    break
                return value
        raise CorruptError(f"a number in the file's header is malformed: the file is damaged, {AGAIN}")
