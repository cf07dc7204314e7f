"""GPUs described for XLA, which compiles for them where there is none: its GpuTargetConfig, a text proto.

The numbers are those that the CUDA driver reports of a Hopper GPU of compute capability 9.0; `make test-aot` compiles
with them.
"""

from __future__ import annotations

from train.plan.accelerators.chips import Chip

_HOPPER = """
gpu_device_info {{
  threads_per_block_limit: 1024  threads_per_warp: 32  threads_per_core_limit: 2048
  shared_memory_per_block: 49152  shared_memory_per_core: 233472  shared_memory_per_block_optin: 232448
  core_count: 132  fpus_per_core: 128  clock_rate_ghz: 1.98
  block_dim_limit_x: 2147483647  block_dim_limit_y: 65535  block_dim_limit_z: 65535
  registers_per_core_limit: 65536  registers_per_block_limit: 65536
  l2_cache_size: 52428800  memory_bandwidth: {bandwidth}  device_memory_size: {memory}
  cuda_compute_capability {{ major: 9 }}
}}
platform_name: "CUDA"
dnn_version_info {{ major: 9  minor: 8 }}
runtime_version {{ major: 12  minor: 8 }}
device_description_str: "{kind}"
"""


def gpu_target(chip: Chip) -> str:
    """The text of a GPU's description."""
    return _HOPPER.format(bandwidth=int(chip.bandwidth), memory=int(chip.memory), kind=chip.device_kinds[0])
