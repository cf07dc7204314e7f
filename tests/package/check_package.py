"""Builds nothing, trusts nothing: installs the built wheel and sdist in fresh environments and uses them there.

`make package` calls it with the folder of the distributions and the interpreters to try. Each gets an environment of
its own in a temporary folder, from which `smoke.py` runs, so that the checkout cannot be imported by mistake.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

SMOKE = Path(__file__).with_name("smoke.py")
WEIGHTS = ("cca_jax/bundles/weights/lite/weights.safetensors", "cca_jax/bundles/weights/starter/weights.safetensors")


def main() -> None:
    parser = argparse.ArgumentParser(description="Installs and uses the distributions in fresh environments.")
    parser.add_argument("folder", type=Path, help="holds one wheel and one sdist")
    parser.add_argument("pythons", nargs="+", help="interpreters to try")
    options = parser.parse_args()
    (wheel,), (sdist,) = (sorted(options.folder.glob(pattern)) for pattern in ("*.whl", "*.tar.gz"))
    check_contents(wheel, sdist)
    for python in options.pythons:
        use(python, wheel)
    use(options.pythons[-1], sdist)


def check_contents(wheel: Path, sdist: Path) -> None:
    """The wheel has the library, its weights and its licence, and nothing else; the sdist can build it."""
    files = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in files}
    assert all(top == "cca_jax" or top.endswith(".dist-info") for top in tops), sorted(tops)
    for needed in ("cca_jax/py.typed", *WEIGHTS):
        assert needed in files, f"{wheel.name} lacks {needed}"
    assert any(name.endswith("/licenses/LICENSE") for name in files), f"{wheel.name} lacks its licence"
    with tarfile.open(sdist) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    for needed in ("pyproject.toml", "README.md", "LICENSE", *WEIGHTS):
        assert needed in inside, f"{sdist.name} lacks {needed}"
    print(f"{wheel.name}: {len(files)} files, {wheel.stat().st_size / 1e6:.1f} MB; {sdist.name}: {len(inside)} files")


def use(python: str, distribution: Path) -> None:
    """Installs a distribution with an interpreter, in an environment that is removed afterwards, and uses it."""
    with tempfile.TemporaryDirectory() as scratch:
        environment = Path(scratch) / "environment"
        subprocess.run([python, "-m", "venv", environment], check=True)
        own = environment / "bin" / "python"
        install = [own, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", distribution.resolve()]
        subprocess.run(install, check=True)
        shutil.copy(SMOKE, scratch)
        subprocess.run([own, "-I", "smoke.py", environment / "bin" / "cca-jax"], cwd=scratch, check=True)
        version = subprocess.run([own, "-V"], check=True, capture_output=True, text=True).stdout.strip()
        print(f"{version}: {distribution.name} installs and works")


if __name__ == "__main__":
    sys.exit(main())
