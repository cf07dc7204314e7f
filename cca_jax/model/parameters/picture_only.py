"""The parameters that decide the decoded picture and nothing that is coded.

They are the synthesis transform and what the entropy model declares: of the paper's, the residual prediction of the
last slice. Every other part decides a symbol or a table. So these can change while the file of an image stays what it
was, but for the model's identity in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def picture_only(names: Iterable[str], parts: Sequence[str]) -> frozenset[str]:
    """Which of a model's parameters these are.

    Args:
        names: of all parameters of the model, joined by "/" (`model.parameters.shapes`).
        parts: what `model.parts.chosen.picture_only_parts` says of the model's configuration.

    Raises:
        ValueError: the model has no parameters of one of these parts.
    """
    names = list(names)
    found = {part: [name for name in names if name == part or name.startswith(f"{part}/")] for part in parts}
    if missing := [part for part, own in found.items() if not own]:
        raise ValueError(f"declared as picture_only by the entropy model, but no part of it: {', '.join(missing)}")
    return frozenset(name for own in found.values() for name in own)
