"""Constants of accelerator chips, each with its source.

TPUs: Google Cloud's pages "TPU v4", "TPU v5e", "TPU v5p" and "TPU v6e" (cloud.google.com/tpu/docs, November 2026).
Their memory is what the compilers call available HBM when a program is too large: the pages' number, which is in GiB,
less what the runtime reserves (libtpu 0.0.42; of v5p the page says 95).
GPUs: NVIDIA's data sheets "H100 Tensor Core GPU" and "H200 Tensor Core GPU", SXM; peaks without sparsity. An H100's
memory is what its driver reports and XLA's own description of one says; the H200's is the data sheet's.
"""

from __future__ import annotations

import dataclasses

TERA, GIGA, GIBI = 1e12, 1e9, 2**30


@dataclasses.dataclass(frozen=True)
class Chip:
    """One chip, which JAX shows as one device.

    Attributes:
        name: as topologies are named.
        device_kinds: what JAX calls it.
        platform: "tpu" or "gpu".
        peak: operations a second in bfloat16, dense; a multiplication and an addition are two.
        bandwidth: of main memory, bytes a second.
        memory: bytes of main memory that a program may take.
        interconnect: bytes a second that a chip sends to the others of its slice or host, one direction.
        network: bytes a second a chip's share of its host's network sends, to other slices or hosts.
    """

    name: str
    device_kinds: tuple[str, ...]
    platform: str
    peak: float
    bandwidth: float
    memory: float
    interconnect: float
    network: float


# Interconnect of TPUs: one direction, half of what the pages call bidirectional (v4 2400, v5e 1600, v5p 4800, v6e 3200
# Gbit/s); of GPUs: half of NVLink's 900 GB/s. Network of v5e and v6e: the pod's (6.4 and 25.6 Tbit/s) over its 256
# chips; of v4 and v5p: a host's adapter of 200 Gbit/s over its 4 chips; of GPUs: an adapter of 400 Gbit/s for each.
_TABLE = (
    Chip("v4", ("TPU v4",), "tpu", 275 * TERA, 1228 * GIGA, 30.75 * GIBI, 300 * GIGA, 6.25 * GIGA),
    Chip("v5e", ("TPU v5 lite", "TPU v5e"), "tpu", 197 * TERA, 819 * GIGA, 15.75 * GIBI, 200 * GIGA, 3.125 * GIGA),
    Chip("v5p", ("TPU v5", "TPU v5p"), "tpu", 459 * TERA, 2765 * GIGA, 95.74 * GIBI, 600 * GIGA, 6.25 * GIGA),
    Chip("v6e", ("TPU v6 lite", "TPU v6e"), "tpu", 918 * TERA, 1640 * GIGA, 31.25 * GIBI, 400 * GIGA, 12.5 * GIGA),
    Chip("h100", ("NVIDIA H100 80GB HBM3",), "gpu", 989 * TERA, 3350 * GIGA, 84_978_434_048, 450 * GIGA, 50 * GIGA),
    Chip("h200", ("NVIDIA H200",), "gpu", 989 * TERA, 4800 * GIGA, 141 * GIGA, 450 * GIGA, 50 * GIGA),
)

CHIPS = {chip.name: chip for chip in _TABLE}
"""By name."""


def chip_of(device_kind: str) -> Chip | None:
    """The chip that JAX calls so; None of one that is not in the table, a part of a GPU included."""
    return next((chip for chip in _TABLE if device_kind in chip.device_kinds), None)
