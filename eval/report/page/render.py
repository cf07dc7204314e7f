"""`report.html`: templates, styles, scripts and data in one file that asks for nothing else.

Names of files and codecs are untrusted text. Templates escape them, and scripts put them into text nodes only. The
page's policy lets only the scripts run that it names by their hashes, and nothing be fetched.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
from plotly.offline import get_plotlyjs

from eval.rate_distortion.curves import PublishedCurve
from eval.rate_distortion.metrics.registry import METRICS
from eval.report.page.data import page_data
from eval.report.page.tables import (
    Footnotes,
    bd_matrices,
    failure_rows,
    has_estimates,
    headline,
    mean_columns,
    mean_rows,
)
from eval.report.pictures import Picture
from eval.report.plots.style import curve_styles
from eval.results.results import Results

_HERE = Path(__file__).parent
_STYLES = ("report.css", "viewer.css")
_SCRIPTS = ("base.js", "curves.js", "bits.js", "layers.js", "viewer.js", "tables.js")
"""In the order in which they need each other."""


def render_page(results: Results, pictures: Sequence[Picture], published: Sequence[PublishedCurve]) -> str:
    """The page as one HTML document.

    Args:
        results: what was measured.
        pictures: what is shown of it; may be empty.
        published: curves of the literature; may be empty.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    scripts = [_normalized(get_plotlyjs()), *(_asset(name) for name in _SCRIPTS)]
    return environment.get_template("report.html.j2").render(
        style="\n".join(_asset(name) for name in _STYLES),
        scripts=scripts,
        script_hashes=[_policy_hash(script) for script in scripts],
        **_content(results, pictures, published),
    )


def _content(results: Results, pictures: Sequence[Picture], published: Sequence[PublishedCurve]) -> dict[str, Any]:
    data = page_data(results, pictures, published)
    footnotes = Footnotes()
    matrices = bd_matrices(results, footnotes)
    return {
        "results": results,
        "shown_images": len(data["images"]),
        "measured_images": max((mean.count for mean in results.means), default=0),
        **_titles(results),
        "data": data,
        "pictures": pictures,
        "headline": headline(results),
        "facts": _facts(results),
        "sections": _sections(bool(matrices), bool(pictures), bool(data["slices"]), results),
        "has_ms_ssim": any(record.ms_ssim is not None for record in results.records),
        "has_bit_maps": any(version.bits is not None for picture in pictures for version in picture.versions),
        "matrices": matrices,
        "reasons": footnotes.texts,
        "reference": pictures[0].versions[0].codec if pictures else "",
        "has_estimates": has_estimates(results),
        "mean_columns": mean_columns(results),
        "metrics": [METRICS[name] for name in results.metrics],
        "mean_rows": mean_rows(results, curve_styles(results, published)),
        "failures": failure_rows(results),
        "compile_seconds": f"{results.compile_seconds:.1f} s",
        "codec_rows": [
            {"name": codec.name, "version": codec.version, "compilation": f"{codec.compile_seconds:.1f} s"}
            for codec in results.codecs
        ],
    }


def _titles(results: Results) -> dict[str, str]:
    ours = [codec.name for codec in results.codecs if codec.kind == "ours"]
    others = [codec.name for codec in results.codecs if codec.kind != "ours"]
    title = f"{' and '.join(ours)} on {results.data.name}" if 0 < len(ours) < 3 else results.data.name
    beside = f", beside {', '.join(others)}" if others else ""
    return {"title": title, "lead": f"Rate and distortion of real files{beside}."}


def _facts(results: Results) -> list[tuple[str, str]]:
    machine = results.machine
    memory = "" if machine.memory_bytes is None else f", {machine.memory_bytes / 2**30:.1f} GiB of memory"
    cores = f"{machine.cores} {'core' if machine.cores == 1 else 'cores'}"
    measured = len(dict.fromkeys(record.image for record in results.records))
    images = (
        f"{results.data.count} images"
        if measured == results.data.count
        else (f"{results.data.count} images, of which {measured} could be measured")
    )
    models = "; ".join(f"{codec.name} ({codec.version})" for codec in results.codecs if codec.kind == "ours")
    return [
        ("Data", f"{results.data.name}, {images}"),
        *([("Models", models)] if models else []),
        ("Machine", f"{machine.cpu}, {cores}{memory}; JAX on {machine.device}; {machine.system}"),
        ("Versions", ", ".join(f"{name} {version}" for name, version in results.versions.items())),
        ("Date", f"{results.created[:16].replace('T', ' ')} UTC"),
    ]


def _sections(matrices: bool, pictures: bool, slices: bool, results: Results) -> list[tuple[str, str]]:
    return [
        ("curves", "Rate and distortion"),
        *([("bd-rate", "Bjøntegaard deltas")] if matrices else []),
        *([("comparison", "Side by side")] if pictures else []),
        *([("bits", "Where the bits go")] if slices else []),
        ("tables", "Tables"),
        *([("failures", "Failures")] if results.failures else []),
        ("method", "How it was measured"),
    ]


def _asset(name: str) -> str:
    return _normalized((_HERE / "assets" / name).read_text(encoding="utf-8"))


def _normalized(text: str) -> str:
    # As browsers read it: the hash is of the text between the tags after that.
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _policy_hash(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"'sha256-{digest}'"
