"""The file system's edge: what a list of paths means, and files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Collection, Iterable
from pathlib import Path


def find_files(paths: Iterable[str | Path], suffixes: Collection[str]) -> list[Path]:
    """Expands folders into the files in them.

    Args:
        paths: files, kept as they are (a missing one too: whoever reads it says so), and folders, replaced by the files
            directly inside them, sorted by name, that end in one of `suffixes` and are not hidden.
        suffixes: lower-case endings with their dot; a file's own case does not matter.

    Returns:
        The files, in the order of `paths`.

    Raises:
        FileNotFoundError: a folder holds no such file.
        OSError: a folder cannot be listed.
    """
    files: list[Path] = []
    for path in map(Path, paths):
        if not path.is_dir():
            files.append(path)
            continue
        inside = [entry for entry in visible_files(path) if entry.suffix.lower() in suffixes]
        if not inside:
            raise FileNotFoundError(f"{path}: the folder holds no file that ends in {', '.join(sorted(suffixes))}")
        files += inside
    return files


def visible_files(folder: Path) -> list[Path]:
    """The files directly inside a folder that are not hidden, sorted by name."""
    return sorted(entry for entry in folder.iterdir() if not entry.name.startswith(".") and entry.is_file())


def write_atomically(path: str | Path, data: bytes) -> None:
    """Writes a file that others see either whole or not at all; an existing file is replaced.

    The bytes go to a hidden file in the same folder, which then takes the name; on any failure it is removed and what
    stood at `path` before is untouched. A symbolic link is followed, so that its target is what is replaced.

    Args:
        path: where to write; its folder must exist.
        data: the whole content.

    Raises:
        ValueError: something other than a regular file (a folder, a device) stands at `path`.
        OSError: the folder is missing, not writable or full.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not stat.S_ISREG(target.stat().st_mode):
        raise ValueError(f"{path}: is not a regular file, so it cannot be replaced: name another output")
    # Not tempfile: it would give the finished file mode 0600 where the user's umask says otherwise. The name is kept
    # short because the target's own may already be as long as the file system allows.
    temporary = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with temporary.open("xb") as file:
            file.write(data)
        temporary.replace(target)
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: there is no folder {target.parent}: create it first") from None
    except OSError as error:  # it names the hidden file, which would tell the user nothing
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
