"""Which steps `--profile` takes a trace of."""

from __future__ import annotations

from typing import NamedTuple

_SKIPPED = 10


class TraceWindow(NamedTuple):
    """Steps of this process: `skip` of them go by first, which compile and warm up, then `steps` are traced."""

    skip: int
    steps: int

    @classmethod
    def parse(cls, text: str) -> TraceWindow:
        """A window from its text, "COUNT" or "SKIP:COUNT".

        Raises:
            ValueError: it is neither.
        """
        skip, _, count = text.rpartition(":")
        if not (count.isdecimal() and int(count) > 0 and (skip.isdecimal() or (not skip and ":" not in text))):
            raise ValueError(f"{text!r} is no window of steps: write COUNT or SKIP:COUNT, as 5 or 10:5")
        return cls(int(skip) if skip else _SKIPPED, int(count))
