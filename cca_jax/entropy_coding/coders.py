"""Which range coder: the interface they share, their names and their numbers in the file."""

import importlib.util
from typing import Protocol

import numpy as np

from cca_jax.entropy_coding.constriction_coder import ConstrictionCoder
from cca_jax.entropy_coding.errors import CoderUnavailableError
from cca_jax.entropy_coding.tables import CodingTables
from cca_jax.entropy_coding.tensorflow.coder import PACKAGES, TensorFlowCoder


class RangeCoder(Protocol):
    """Turns N integers into bytes and back, at the length their tables give to within a few bytes.

    Attributes:
        name: what people call it.
        identifier: its number in a file, 1 … 7.
    """

    name: str
    identifier: int

    def prepare(self) -> None:
        """Begins, in the background, what the first use would wait for; what goes wrong is that use's to tell."""

    def encode(self, symbols: np.ndarray, indexes: np.ndarray, tables: CodingTables) -> bytes:
        """Codes one stream.

        Args:
            symbols: int32 [N], any values; those outside their table cost a few bytes each.
            indexes: int32 [N], 0 … T - 1, the table of each symbol.
            tables: T tables.

        Raises:
            ValueError: arrays of another shape, type or range.
            CoderUnavailableError: the coder's library does not start.
        """

    def decode(self, data: bytes, indexes: np.ndarray, tables: CodingTables) -> np.ndarray:
        """The symbols, int32 [N], of one stream.

        Bytes that are not those of `encode` give other symbols or CorruptError, never a crash or work beyond O(N).

        Args:
            data: what `encode` returned.
            indexes: int32 [N], the same as for `encode`.
            tables: the same as for `encode`.

        Raises:
            CorruptError: the bytes cannot come from `encode`.
            ValueError, CoderUnavailableError: as for `encode`.
        """


# With the packages that a coder's library takes. The order is that of preference.
_CODERS: tuple[tuple[RangeCoder, tuple[str, ...]], ...] = (
    (TensorFlowCoder(), PACKAGES),
    (ConstrictionCoder(), ("constriction",)),
)


def is_available(name: str) -> bool:
    """Whether the library of a coder can be found; nothing is imported."""
    return any(coder.name == name and not _missing(packages) for coder, packages in _CODERS)


def default_coder() -> RangeCoder:
    """The TensorFlow coder where its library is installed, else constriction."""
    for coder, packages in _CODERS:
        if not _missing(packages):
            return coder
    raise CoderUnavailableError("no range coder is installed: pip install constriction")


def get_coder(name_or_identifier: str | int) -> RangeCoder:
    """The coder of that name, or of that number in a file; "tensorflow" needs no library.

    Raises:
        CoderUnavailableError: it is unknown, or its packages are not installed.
    """
    for coder, packages in _CODERS:
        if name_or_identifier in (coder.name, coder.identifier):
            if not isinstance(coder, TensorFlowCoder) and (missing := _missing(packages)):
                raise CoderUnavailableError(
                    f"the range coder {coder.name!r} needs {' and '.join(missing)}, not installed here: "
                    f"pip install {' '.join(missing)}"
                )
            return coder
    if isinstance(name_or_identifier, str):
        names = " or ".join(repr(coder.name) for coder, _ in _CODERS)
        raise CoderUnavailableError(f"there is no range coder {name_or_identifier!r}: choose {names}")
    raise CoderUnavailableError(
        f"this version does not know range coder number {name_or_identifier}: use a newer version of cca_jax"
    )


def coder_name(identifier: int) -> str | None:
    """The name of the range coder of that number in a file; None where this version has none."""
    return next((coder.name for coder, _ in _CODERS if coder.identifier == identifier), None)


def _missing(packages: tuple[str, ...]) -> list[str]:
    return [package for package in packages if importlib.util.find_spec(package) is None]
