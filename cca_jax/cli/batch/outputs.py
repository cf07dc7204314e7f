"""One or many input files: where each one's output goes."""

from __future__ import annotations

import collections
import functools
import os
import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from cca_jax.bulk import sources
from cca_jax.bulk.storage import stores, streams
from cca_jax.bulk.work import Item
from cca_jax.image_io.writing.formats import FORMATS


def gather(
    paths: Sequence[str],
    output: str | None,
    suffix: str,
    inputs: Callable[[Sequence[str]], list[Path]],
    suffixes: Collection[str],
    recursive: bool,
    is_wanted: Callable[[str], bool] | None = None,
) -> list[Item]:
    """What a command makes of what it names.

    Args:
        paths: files and folders of this machine; also lists of them, archives, and URLs of stores.
        output: the -o option.
        suffix: of the outputs, with its dot.
        inputs: the files that plain files and folders stand for.
        suffixes: what inputs in archives, and in folders at any depth, end in.
        recursive: whether folders are taken at any depth.
        is_wanted: judges files in folders at any depth that have none of the endings.

    Raises:
        ValueError, OSError: see `plan`; or what is not plain is to be written without -o, or nothing is found.
    """
    if streams.STANDARD in (*paths, output):
        return [_standard(paths, inputs, output, suffix)]
    if all(map(sources.is_plain, paths)) and not recursive and not (output and stores.is_url(output)):
        return plan(paths, inputs(paths), output, suffix)
    if output is None or (not stores.is_url(output) and os.path.isfile(output)):
        raise ValueError("-o must name a folder when lists, archives, stores or --recursive are given")
    items = list(sources.items_of(sources.expand(paths, suffixes, is_wanted), output, suffix))
    real = functools.cache(os.path.realpath)  # of folders, which are few
    for item in items:
        (above, name), (folder, made) = os.path.split(item.source), os.path.split(item.target)
        if name == made and not stores.is_url(item.target) and real(above) == real(folder):
            raise ValueError(f"{item.target}: is an input and would be overwritten: name another output with -o")
    stores.make_folder(output)
    return items


def _standard(
    paths: Sequence[str], inputs: Callable[[Sequence[str]], list[Path]], output: str | None, suffix: str
) -> Item:
    """What to make where standard input is read, or standard output written.

    Raises:
        ValueError: more is named than one input, or standard output is a terminal.
    """
    if len(paths) > 1 or Path(paths[0]).is_dir() or not sources.is_plain(paths[0]):
        raise ValueError("'-', standard input or output, is one file: name no folder and no other file beside it")
    if paths[0] == streams.STANDARD:
        source, name = streams.STANDARD, f"stdin{suffix}"
    else:
        (path,) = inputs(paths)
        source, name = os.path.join(path.parent, path.name), path.with_suffix(suffix).name
    if output not in (None, streams.STANDARD):
        assert output is not None
        folder = os.path.isdir(output) or output.endswith(("/", os.sep))
        return Item(source, output if folder else os.path.dirname(output), name if folder else os.path.basename(output))
    if sys.stdout.isatty():
        raise ValueError("standard output is a terminal: name an output with -o, or send it to a file or a pipe")
    return Item(source, "", streams.STANDARD)


def plan(paths: Sequence[str], inputs: Sequence[Path], output: str | None, suffix: str) -> list[Item]:
    """Decides where every output goes, before anything is read or written.

    Args:
        paths: those on the command line.
        inputs: the files they stand for; what is named twice is done once.
        output: the -o option: a file for a single input, a folder (made when needed) for several or for a folder.
        suffix: what replaces an input's suffix where no output file is named, with its dot; where outputs would then
            have one name, it is added to their inputs' names instead.

    Returns:
        What to make, in the order of `inputs`.

    Raises:
        ValueError: an output would replace an input, two outputs would be one file, or -o is not a folder where one is
            needed.
    """
    unique = {os.path.realpath(path): path for path in reversed(inputs)}
    sources = [path for path in inputs if unique.get(os.path.realpath(path)) is path]
    several = len(sources) > 1 or any(Path(path).is_dir() for path in paths)
    targets = [_target(source, output, several, suffix) for source in sources]
    counts = collections.Counter(map(os.path.realpath, targets))
    items = [
        # b.ppm and b.png of one folder become b.ppm.cca and b.png.cca.
        _item(source, target if counts[os.path.realpath(target)] == 1 else target.with_name(source.name + suffix))
        for source, target in zip(sources, targets, strict=True)
    ]
    taken: dict[str, str] = {}
    for item in items:
        real = os.path.realpath(item.target)
        if real in unique:
            raise ValueError(f"{item.target}: is an input and would be overwritten: name another output with -o")
        if real in taken:
            raise ValueError(
                f"{item.target}: {taken[real]} and {item.source} would both be written to it: do them one by one with "
                "-o"
            )
        taken[real] = item.source
    return items


def is_wanted_image(passed_over: list[Path], place: str) -> bool:
    """Whether a file is an image; one that is not is noted as passed over, unless it is a .cca file."""
    from cca_jax.image_io.images import is_image

    path = Path(place)
    wanted = is_image(path)
    if not wanted and path.suffix.lower() != ".cca":
        passed_over.append(path)
    return wanted


def passed_over_line(files: Sequence[Path]) -> str:
    """What to say of a folder's files that are not what the command takes."""
    names = ", ".join(file.name for file in files[:3]) + (", …" if len(files) > 3 else "")
    return f"passed over {len(files)} {'file that is' if len(files) == 1 else 'files that are'} no image: {names}"


def keeps_journal(paths: Sequence[str], items: Sequence[Item], output: str | None) -> bool:
    """Whether what is done is noted in the folder of the outputs: where folders are named, not for a few files."""
    several = len(items) > 1 and output is not None
    return several or any(Path(path).is_dir() or not sources.is_plain(path) for path in paths)


def _item(source: Path, target: Path) -> Item:
    # Not "-", which would be standard input.
    place = os.path.join(".", source) if str(source) == streams.STANDARD else str(source)
    return Item(place, "" if target.parent == Path() else str(target.parent), target.name)


def _target(source: Path, output: str | None, several: bool, suffix: str) -> Path:
    name = source.with_suffix(suffix).name
    if output is None:
        if streams.is_pipe(str(source)):
            raise ValueError(f"{source}: is no regular file, so nothing can stand beside it: name an output with -o")
        return source.with_name(name)
    folder = Path(output)
    names_file = folder.suffix.lower() in (suffix, *FORMATS)
    if several and not folder.is_dir() and (folder.exists() or names_file):
        raise ValueError(f"{output}: -o must name a folder when several files or a folder are given")
    if several or folder.is_dir() or output.endswith(("/", os.sep)):
        return folder / name
    return folder


def make_folders(items: Sequence[Item], output: str | None) -> None:
    """Makes the -o folder, where -o names one.

    Raises:
        OSError: it cannot be made.
    """
    if output is not None and any(Path(item.folder) == Path(output) for item in items):
        Path(output).mkdir(parents=True, exist_ok=True)
