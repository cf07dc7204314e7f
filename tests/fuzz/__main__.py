"""`python -m tests.fuzz --files 100000`: mutated files, decoded one by one; a table of what happened.

A file that must not do what it did is kept in --findings, and the status is 1. `current.cca` there is the file at hand,
for a decoder that takes the process with it.
"""

import argparse
import sys
import time
from collections import Counter
from pathlib import Path
from random import Random

import jax

from cca_jax.cli.console import print_line
from cca_jax.compile_cache.jax_cache import keep_compiled_programs
from tests.fuzz.judge import FindingError, Judge
from tests.fuzz.mutators import mutate

_LINE_SECONDS = 30


def main() -> int:
    """Fuzzes; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--files", type=int, default=100_000, metavar="N", help="how many (default: 100000)")
    parser.add_argument("--seconds", type=float, default=float("inf"), metavar="S", help="stop after so long")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of the draws: the same files again")
    parser.add_argument("--findings", type=Path, default=Path(".cache/fuzz"), metavar="DIR", help="kept files")
    options = parser.parse_args()
    options.findings.mkdir(parents=True, exist_ok=True)
    keep_compiled_programs()
    jax.config.update("jax_disable_most_optimizations", True)  # there are many shapes, and each is small
    judge, kinds, findings = Judge(), Counter(), 0
    started = spoke = time.monotonic()
    with (options.findings / "current.cca").open("wb", buffering=0) as current:
        for number in range(options.files):
            mutated = mutate(Random(f"{options.seed} {number}"), judge.seeds)
            current.seek(0)
            current.truncate()
            current.write(mutated.data)
            kinds[mutated.kind.split("+")[0]] += 1
            try:
                judge.judge(mutated)
            except FindingError as error:
                findings += 1
                (options.findings / f"{options.seed}_{number}.cca").write_bytes(mutated.data)
                print_line(f"file {number}: {error}")
            now = time.monotonic()
            if now - spoke > _LINE_SECONDS:
                spoke = now
                print_line(f"{number + 1:,} files, {(number + 1) / (now - started):.0f} a second")
            if now - started > options.seconds:
                break
    total = sum(kinds.values())
    print_line(f"{total:,} files in {time.monotonic() - started:.0f} s, seed {options.seed}: {findings} findings")
    for title, counts in (("changed", kinds), ("ended in", judge.outcomes)):
        print_line(f"{title}: " + ", ".join(f"{name} {count:,}" for name, count in counts.most_common()))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
