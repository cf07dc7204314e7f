"""The parameters that decide the decoded picture and nothing that is coded.

They are the synthesis transform and the residual prediction of the last slice. Every other part decides a symbol or a
table: the residual prediction of an earlier slice, too, because decoded slices are the context of later ones, whose
means follow from it, and a symbol is what is left of the latent after its mean. So these can change while the file of
an image stays what it was, but for the model's identity in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_SYNTHESIS = "synthesis/"
_RESIDUAL_HEAD = re.compile(r"slices/residual_heads_(\d+)/")


def picture_only(names: Iterable[str]) -> frozenset[str]:
    """Which of a model's parameters these are.

    Args:
        names: of all parameters of the model, joined by "/" (`model.parameters.shapes`).
    """
    names = list(names)
    heads = {name: int(found[1]) for name in names if (found := _RESIDUAL_HEAD.match(name))}
    last = max(heads.values(), default=-1)
    of_last = (name for name, index in heads.items() if index == last)
    return frozenset([*(name for name in names if name.startswith(_SYNTHESIS)), *of_last])
