"""Which side of a comparison a codec is on; apart from the records, whose libraries the demo does without."""

from typing import Literal

Kind = Literal["ours", "conventional"]
