"""The compilation cache of a command line: JAX's programs and the codec's in one folder of the user's.

JAX's own variables say otherwise: JAX_COMPILATION_CACHE_DIR names another folder, which has no limit unless
JAX_COMPILATION_CACHE_MAX_SIZE states one in bytes; JAX_ENABLE_COMPILATION_CACHE=false does without. A folder
that others can write to is not used, whoever named it.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

MAX_BYTES = 1 << 30
"""What the folder may hold; the programs that were used least recently give way."""
_log = logging.getLogger("cca_jax.compile_cache")


def keep_compiled_programs() -> None:
    """Lets this process keep what JAX compiles, so that the next one starts fast: changes JAX's settings."""
    settings: dict[str, object] = {
        "jax_persistent_cache_min_compile_time_secs": 0.0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }
    named = os.environ.get("JAX_COMPILATION_CACHE_DIR")
    if not named:
        folder = default_folder()
        if folder is None:
            return
        # JAX cannot limit a folder that it once filled without a limit: another one's contents stay out of this one.
        # (Earlier versions kept theirs in "programs", as open to others as the umask left it.)
        settings["jax_compilation_cache_dir"] = named = str(folder / "compiled")
        settings["jax_compilation_cache_max_size"] = MAX_BYTES
    import jax

    from cca_jax.compile_cache.folder import private_folder
    from cca_jax.compile_cache.private_jax import replace_cache
    from cca_jax.compile_cache.store import open_store

    if "://" not in named:
        if private_folder(named) is None:
            jax.config.update("jax_compilation_cache_dir", None)
            return
        replace_cache(open_store)
    for name, value in settings.items():
        if name.upper() not in os.environ:
            jax.config.update(name, value)


def default_folder() -> Path | None:
    """The user's cache folder; None, said at debug level, where there is no home or only one that cannot be written."""
    try:
        from platformdirs import user_cache_path

        folder = user_cache_path("cca_jax")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (ImportError, OSError) as error:  # compiling every time still works
        _log.debug("there is no cache folder: %r", error)
        return None
    return folder
