"""JAX's persistent compilation cache in a folder of the user's.

JAX's own variables say otherwise: JAX_COMPILATION_CACHE_DIR names another folder, which has no limit unless
JAX_COMPILATION_CACHE_MAX_SIZE states one in bytes; JAX_ENABLE_COMPILATION_CACHE=false does without.
"""

from __future__ import annotations

import os
from pathlib import Path

MAX_BYTES = 1 << 30
"""What the folder may hold; the programs that were used least recently give way."""


def keep_compiled_programs() -> None:
    """Lets JAX keep what it compiles in the user's cache folder, so that the next process starts fast."""
    settings: dict[str, object] = {
        "jax_persistent_cache_min_compile_time_secs": 0.0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }
    if not os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        folder = default_folder()
        if folder is None:
            return
        # JAX cannot limit a folder that it once filled without a limit: another one's contents stay out of this one.
        settings["jax_compilation_cache_dir"] = str(folder / "programs")
        settings["jax_compilation_cache_max_size"] = MAX_BYTES
    import jax

    for name, value in settings.items():
        if name.upper() not in os.environ:
            jax.config.update(name, value)


def default_folder() -> Path | None:
    """The user's cache folder; None where there is no home, or only one that cannot be written."""
    try:
        from platformdirs import user_cache_path

        folder = user_cache_path("cca_jax", ensure_exists=True)
    except (ImportError, OSError):  # compiling every time still works
        return None
    return folder if os.access(folder, os.W_OK) else None
