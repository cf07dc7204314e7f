"""JAX's persistent compilation cache in a folder of the user's."""

from __future__ import annotations

import os


def keep_compiled_programs() -> None:
    """Lets JAX keep what it compiles in the user's cache folder, so that the next process starts fast.

    JAX's own variable JAX_COMPILATION_CACHE_DIR names another folder.
    """
    if "JAX_COMPILATION_CACHE_DIR" in os.environ:
        return
    import jax

    try:
        from platformdirs import user_cache_path

        folder = user_cache_path("cca_jax", ensure_exists=True)
    except (ImportError, OSError):  # no home, or a full or read-only one: compiling every time still works
        return
    if os.access(folder, os.W_OK):
        jax.config.update("jax_compilation_cache_dir", str(folder))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
