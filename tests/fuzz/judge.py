"""Whether a decoder's answer to a file is allowed: an error of one line, or the picture of a file that states so.

Never another exception, pixels from a file whose bits were changed, more memory than the declared size explains, or a
wait. A decoder that does not answer ends the process with a traceback.
"""

import faulthandler
import json
from collections import Counter
from pathlib import Path

import numpy as np

from cca_jax.bitstream import container
from cca_jax.bitstream.boxes import alpha, kinds, metadata, picture
from cca_jax.bitstream.boxes.section import Box
from cca_jax.codec.checks import limits
from cca_jax.codec.codec import Codec, load_model
from cca_jax.entropy_coding.coders import get_coder
from cca_jax.entropy_coding.errors import CodingError
from cca_jax.tiling.geometry import Grid
from eval.runner.memory import with_peak
from tests.fuzz.mutators import Mutated, Seed

MAX_PIXELS = 128 * 128
"""Of a file that is decoded, so that shapes stay few."""
SECONDS = 120
"""That a file may take; the first of a shape compiles programs."""
SLACK_BYTES = 256 << 20
"""For what is not the file's: programs, and what the allocator keeps."""
_CONFORMANCE = Path(__file__).parents[1] / "conformance"


class FindingError(AssertionError):
    """A decoder did what it must not."""


class Judge:
    """Decodes files with their models.

    Attributes:
        seeds: the valid files of the conformance set whose models are tiny.
        outcomes: how many files ended how.
    """

    def __init__(self) -> None:
        manifest = json.loads((_CONFORMANCE / "manifest.json").read_text())
        self._codecs: dict[str, Codec] = {}
        self.seeds: list[Seed] = []
        self.outcomes: Counter[str] = Counter()
        for name, entry in sorted(manifest["files"].items()):
            folder = _CONFORMANCE / "models" / entry["model"]
            if entry["width"] * entry["height"] <= MAX_PIXELS and folder.exists():
                codec = self._codecs.setdefault(entry["model"], load_model(folder, max_pixels=MAX_PIXELS))
                self.seeds.append(Seed(name, (_CONFORMANCE / "files" / name).read_bytes(), codec.bundle.hyper))
        for coder in ("tensorflow", "constriction"):  # a library's start takes memory that is no file's
            get_coder(coder).encode(np.zeros(1, np.int32), np.zeros(1, np.int32), self.seeds[0].hyper)
        self._whole = {seed.data for seed in self.seeds}
        of_seeds = {seed.name: manifest["files"][seed.name]["model"] for seed in self.seeds}
        self._by_seed = {name: self._codecs[model] for name, model in of_seeds.items()}

    def judge(self, mutated: Mutated) -> str:
        """How the decoder answered; FindingError where that is not allowed."""
        faulthandler.dump_traceback_later(SECONDS, exit=True)
        start = _resident_bytes()
        try:
            (outcome, pixels), peak = with_peak(lambda: self._decode(mutated))
        except Exception as error:
            raise FindingError(f"{mutated.kind} of {mutated.seed.name}: {error!r}") from error
        finally:
            faulthandler.cancel_dump_traceback_later()
        # A splice of two files that begin alike may be the other one.
        if pixels is not None and mutated.damaged and mutated.data not in self._whole:
            raise FindingError(f"{mutated.kind} of {mutated.seed.name}: pixels from a file that was changed")
        if peak is not None and peak - start > self._allowed(mutated):
            raise FindingError(f"{mutated.kind} of {mutated.seed.name}: took {peak - start:,} bytes")
        self.outcomes[outcome] += 1
        return outcome

    def _decode(self, mutated: Mutated) -> tuple[str, np.ndarray | None]:
        try:
            pixels = self._by_seed[mutated.seed.name].decompress(mutated.data)
        except CodingError as error:
            _check_line(error)
            return type(error).__name__, None
        if mutated.damaged:
            return "pixels", pixels
        file = container.read(mutated.data)
        assert (pixels.shape, pixels.dtype) == ((file.height, file.width, 3), np.uint8)
        try:
            for box in file.boxes:
                _unpack(box, file.height, file.width)
        except CodingError as error:
            _check_line(error)
            return "pixels, and a box that says nothing", pixels
        return "pixels", pixels

    def _allowed(self, mutated: Mutated) -> int:
        allowed = SLACK_BYTES + 64 * len(mutated.data)
        try:
            header = container.read_header(mutated.data)
        except CodingError:
            return allowed
        if header.width * header.height > MAX_PIXELS:
            return allowed
        grid = Grid(header.grid.area, header.grid.tile)
        config = self._by_seed[mutated.seed.name].config
        return allowed + limits.BYTES_PER_PIXEL * header.width * header.height + limits.working_bytes(config, grid)


def _check_line(error: CodingError) -> None:
    message = str(error)
    assert message, "an error says nothing"
    assert "\n" not in message, "an error has more than a line"


def _unpack(box: Box, height: int, width: int) -> None:
    """What a box holds, by its kind; a CorruptError where it does not."""
    if box.kind == kinds.PICTURE:
        picture.unpack_samples(box.content)
    elif box.kind == kinds.ALPHA:
        plane = alpha.unpack_alpha(box.content, height, width, np.uint16 if len(box.content) % 2 else np.uint8)
        assert plane.shape == (height, width)
    elif kinds.is_known(box.kind):
        assert len(metadata.unpack_bytes(box.content, box.kind)) <= metadata.MAX_BYTES


def _resident_bytes() -> int:
    try:
        return 4096 * int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0
