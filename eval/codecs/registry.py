"""Which conventional codecs there are, and which of them can run here."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from eval.codecs.bpg import bpg
from eval.codecs.conventional import ConventionalCodec, UnavailableError
from eval.codecs.pillow_formats import avif, jpeg, webp
from eval.codecs.plugin_formats import heic, jpeg_xl
from eval.codecs.vtm import vtm

CODECS: Mapping[str, Callable[[], ConventionalCodec]] = MappingProxyType(
    {"jpeg": jpeg, "webp": webp, "avif": avif, "heic": heic, "jxl": jpeg_xl, "bpg": bpg, "vtm": vtm}
)
"""Names on the command line to what makes the codec, or raises `UnavailableError`; oldest standard first."""


def make_codec(name: str) -> ConventionalCodec:
    """A codec by its name in `CODECS`, in any case.

    Raises:
        UnavailableError: it cannot run here; the message says why.
        ValueError: there is no such codec; the message lists those there are.
    """
    try:
        make = CODECS[name.lower()]
    except KeyError:
        raise ValueError(f"unknown codec {name!r}: choose from {', '.join(CODECS)}") from None
    return make()


def available_codecs(names: Iterable[str] | None = None) -> list[ConventionalCodec]:
    """Those of some codecs that can run here, in the order given, each once.

    Args:
        names: names in `CODECS`; None for all.

    Raises:
        ValueError: a name is unknown.
    """
    codecs = []
    for name in dict.fromkeys(name.lower() for name in (CODECS if names is None else names)):
        with contextlib.suppress(UnavailableError):
            codecs.append(make_codec(name))
    return codecs


def unavailable_reason(name: str) -> str | None:
    """Why a codec cannot run here and what to do, in one line; None where it can.

    Raises:
        ValueError: the name is unknown.
    """
    try:
        make_codec(name)
    except UnavailableError as error:
        return str(error)
    return None
