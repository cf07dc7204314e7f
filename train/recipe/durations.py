"""Lengths of training in optimiser steps or in epochs."""

from __future__ import annotations

import dataclasses
import math
import re

_TEXT = re.compile(r"(\d+(?:\.\d+)?)\s*(steps?|ep|epochs?)?")


@dataclasses.dataclass(frozen=True)
class Duration:
    """A length of training.

    Attributes:
        amount: how many, at least 0; a whole number for steps.
        unit: of what. An epoch is as many steps as see every photo once.
    """

    amount: float
    unit: str = "steps"

    def __post_init__(self) -> None:
        if self.unit not in ("steps", "epochs") or not 0 <= self.amount < math.inf:
            raise ValueError(f"a duration is a number of steps or epochs, got {self.amount} {self.unit}")
        if self.unit == "steps" and self.amount != int(self.amount):
            raise ValueError(f"steps come in whole numbers, got {self.amount}")

    @classmethod
    def parse(cls, text: str | int) -> Duration:
        """A duration from "1000", "1000 steps", "56ep" or "0.5 epochs".

        Examples:
            >>> Duration.parse("1.5ep").steps(steps_per_epoch=101)
            152

        Raises:
            ValueError: anything else.
        """
        match = _TEXT.fullmatch(str(text).strip())
        if match is None:
            raise ValueError(f"{text!r} is no duration: write 1000 (steps) or 56ep (epochs)")
        return cls(float(match[1]), "epochs" if (match[2] or "").startswith("ep") else "steps")

    def steps(self, steps_per_epoch: int) -> int:
        """The whole number of optimiser steps, rounded up."""
        return math.ceil(self.amount * (1 if self.unit == "steps" else steps_per_epoch))

    def __str__(self) -> str:
        if self.unit == "steps":
            return str(int(self.amount))
        return f"{self.amount:.6f}".rstrip("0").rstrip(".") + "ep"
