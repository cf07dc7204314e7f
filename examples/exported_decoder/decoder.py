"""From a file's streams to its picture, by the programs of an exported model."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from examples.exported_decoder import range_coding, tiles
from examples.exported_decoder.container import UNIT, CcaFile, check_symbols
from examples.exported_decoder.programs import Programs

_LATENT = 4  # positions a unit

Observe = Callable[[int, int, np.ndarray], None]
"""(tile, stream, its symbols)."""


def decode(file: CcaFile, programs: Programs, observe: Observe | None = None) -> np.ndarray:
    """The picture, uint8 [height, width, 3].

    Args:
        file: of the model that was exported.
        programs: of that model.
        observe: is shown each stream's symbols.

    Raises:
        ValueError: a file of another model, larger than the programs' arrays, or not decodable here.
    """
    _check(file, programs)
    decoder = _Decoder(file, programs, observe or (lambda tile, stream, symbols: None))
    boxes = list(tiles.boxes(file.area, file.tile))
    channels = programs.manifest["model"]["latent_channels"]
    latent = np.zeros((1, file.area[0] * _LATENT, file.area[1] * _LATENT, channels), np.float32)
    for number, box in enumerate(boxes):
        rows, columns = box.crop(_LATENT)
        latent[:, rows, columns] = decoder.latent(number, box.sides)
    picture = np.zeros((file.area[0] * UNIT, file.area[1] * UNIT, 3), np.float32)
    for box in boxes:
        outer = tiles.around(box, file.area)
        rows, columns = outer.crop(_LATENT)
        tiles.add(picture, decoder.synthesis(latent[:, rows, columns], outer.sides), box, file.area)
    return np.rint(np.clip(picture[: file.height, : file.width], 0, 1) * 255).astype(np.uint8)


def _check(file: CcaFile, programs: Programs) -> None:
    model, rates = programs.manifest["model"], programs.manifest["rates"]
    if file.identity != model["identity"]:
        raise ValueError(f"the file is of model {file.identity}, the programs of {model['identity']}")
    if len(file.streams[0]) != programs.manifest["bitstream"]["streams"]:
        raise ValueError("the file has another number of streams than the model writes")
    if (file.quality == 0) != (rates is None):
        raise ValueError("the file states a quality that is not of this model")
    if not model["exact_symbols"] and (file.version == 1 or len(file.streams) > 1):
        raise ValueError("files of version 1 and pictures in tiles are decoded of exact models alone")
    units = tuple(programs.manifest["shape"]["units"])
    widest = tuple(min(side + 2 * (side < whole), whole) for side, whole in zip(file.tile, file.area, strict=True))
    if widest[0] > units[0] or widest[1] > units[1]:
        raise ValueError(
            f"the file needs arrays of {widest[1] * UNIT}x{widest[0] * UNIT} pixels, the programs have "
            f"{units[1] * UNIT}x{units[0] * UNIT}: export with a larger --size"
        )
    if not model["exact_symbols"] and tuple(map(_bucket_side, file.tile)) != units:
        raise ValueError(
            f"this model's files decode in their own bucket alone: export with --size "
            f"{file.tile[1] * UNIT}x{file.tile[0] * UNIT}"
        )


def _bucket_side(units: int) -> int:
    """The next number with at most three significant binary digits."""
    step = 1 << max(0, units.bit_length() - 3)
    return -(-units // step) * step


class _Decoder:
    def __init__(self, file: CcaFile, programs: Programs, observe: Observe) -> None:
        self._file, self._programs, self._observe = file, programs, observe
        self._model = programs.manifest["model"]
        self._units = programs.manifest["shape"]["units"]
        self._tables = {kind: range_coding.Tables(programs.tables, kind) for kind in ("hyper", "latent")}
        self._rate = rate_inputs(file.quality, programs)

    def latent(self, tile: int, sides: tuple[int, int]) -> np.ndarray:
        """The decoded latent of a tile of those sides, [1, h, w, M]."""

        def read(stream: int, indexes: np.ndarray) -> np.ndarray:
            """The symbols of a stream, in the shape of the programs' arrays, from the tables of each."""
            own = self._cut(np.asarray(indexes), sides)
            coded = self._file.streams[tile][stream]
            tables = self._tables["latent" if stream else "hyper"]
            symbols = range_coding.decode(coded.data, self._file.coder, own.ravel(), tables)
            self._observe(tile, stream, symbols)
            check_symbols(coded, symbols)
            return self._fill(symbols.reshape(own.shape), _LATENT if stream else 1)

        by_channel = np.arange(self._model["hyper_channels"])
        z = read(0, np.broadcast_to(by_channel, (1, *self._units, len(by_channel))))
        common = {"sides": sides, "z_symbols": z, **self._rate}
        ways = {
            "context": self._slice_by_slice,
            "hyperprior_exact": self._from_hyper_latent,
            "context_exact": self._in_turn,
        }
        return self._cut(ways[self._model["scale_source"]](read, common), sides)

    def synthesis(self, latent: np.ndarray, sides: tuple[int, int]) -> np.ndarray:
        """The picture of a latent of those sides, [H, W, 3], not clamped."""
        x_hat = self._programs("synthesis", y_hat=self._fill(latent, _LATENT), sides=sides)["x_hat"]
        return np.asarray(x_hat)[0, : sides[0] * UNIT, : sides[1] * UNIT]

    def _slice_by_slice(self, read: Any, common: dict[str, Any]) -> np.ndarray:
        """Scales are floats, of what was decoded before."""
        known: dict[str, Any] = dict(self._programs("hyper_synthesis", **common))
        decoded = []
        for number in range(1, len(self._model["slices"]) + 1):
            prediction = self._programs(f"slice_{number}_predict", **common, **known)
            symbols = read(number, prediction["indexes"])
            refined = self._programs(f"slice_{number}_refine", **common, **prediction, symbols=symbols)
            known |= refined
            decoded.append(np.asarray(refined[f"slice_{number}"]))
        return np.concatenate(decoded, axis=-1)

    def _from_hyper_latent(self, read: Any, common: dict[str, Any]) -> np.ndarray:
        """All tables follow from z, in integers."""
        indexes = np.asarray(self._programs("scale_indexes", **common)["indexes"])
        by_slice = np.split(indexes, np.cumsum(self._model["slices"])[:-1], axis=-1)
        symbols = [read(number, own) for number, own in enumerate(by_slice, 1)]
        return np.asarray(
            self._programs("decode_latent", **common, y_symbols=np.concatenate(symbols, axis=-1))["y_hat"]
        )

    def _in_turn(self, read: Any, common: dict[str, Any]) -> np.ndarray:
        """The tables of a slice follow from z and from the symbols before, in integers."""
        known: dict[str, Any] = dict(self._programs("scale_sums", **common))
        symbols = []
        for number in range(1, len(self._model["slices"]) + 1):
            indexes = self._programs(f"slice_{number}_indexes", **common, **known)["indexes"]
            symbols.append(read(number, indexes))
            known |= {f"symbols_{number}": symbols[-1], f"indexes_{number}": indexes}
        return np.asarray(
            self._programs("decode_latent", **common, y_symbols=np.concatenate(symbols, axis=-1))["y_hat"]
        )

    def _cut(self, array: np.ndarray, sides: tuple[int, int]) -> np.ndarray:
        scale = array.shape[1] // self._units[0]
        return array[:, : sides[0] * scale, : sides[1] * scale]

    def _fill(self, array: np.ndarray, scale: int) -> np.ndarray:
        """With zeros below and to the right up to the programs' shape, at `scale` positions a unit."""
        below, right = (scale * side - own for side, own in zip(self._units, array.shape[1:3], strict=True))
        return np.pad(array, ((0, 0), (0, below), (0, right), (0, 0)))


def rate_inputs(quality: int, programs: Programs) -> dict[str, Any]:
    """What the programs take of a file's quality, in 1/256ths; nothing where the model has a single rate.

    Raises:
        ValueError: no model has such a quality.
    """
    rates = programs.manifest["rates"]
    if rates is None:
        return {}
    least, greatest = (int(rates[f"{end}_quality"]) for end in ("least", "greatest"))
    position = (Fraction(quality, rates["quality_steps"]) - least) / (greatest - least) * (rates["count"] - 1)
    if not 0 <= position <= rates["count"] - 1:
        raise ValueError("the file states a quality that no model has")
    inputs: dict[str, Any] = {"step_size": programs("rate", position=[float(position)])["step_size"]}
    if "factor_bits" in rates:
        row = min(int(position), rates["count"] - 2)
        upper = position.numerator - row * position.denominator

        def between(table: np.ndarray, units: int) -> np.ndarray:
            """The row at the position, in integers, halves up."""
            total = table[row] * (position.denominator - upper) + table[row + 1] * upper
            divisor = position.denominator * units
            return (2 * total + divisor) // (2 * divisor)

        factor = between(programs.tables["rates/factors"], 1)
        shift = between(programs.tables["rates/shifts"], rates["shift_units"])
        inputs |= {"rate_factor": np.reshape(factor, (1, 1, 1, 1)), "rate_shift": np.reshape(shift, (1, 1, 1, -1))}
    return inputs
