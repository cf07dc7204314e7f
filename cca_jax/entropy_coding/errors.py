"""What can go wrong between a picture and its bytes. Every message is one line: what is wrong, and what to do."""


class CodingError(ValueError):
    """The bytes cannot be turned into symbols, or the symbols into bytes."""


class FormatError(CodingError):
    """Not a `.cca` file, or one of a version this library does not read."""


class CorruptError(CodingError):
    """A `.cca` file that was cut short or changed after it was written."""


class MismatchError(CodingError):
    """The streams are intact, but other symbols came out than went in: the arithmetic differs between the machines."""


class TooLargeError(CodingError):
    """An image, or what a file says of itself, is larger than what is accepted or than the machine can compute."""


class CoderUnavailableError(CodingError):
    """The range coder that is needed is not known, not installed, or does not start."""
