"""Measures beside PSNR and MS-SSIM: identity, order, published figures, and what happens where one cannot run."""

import math
import stat
from typing import get_args

import numpy as np
import pytest

from cca_jax.objective.metrics import fidelity
from eval.codecs.interface import CodecError
from eval.rate_distortion.metrics import hvs, jxl_tools, registry, vmaf
from eval.rate_distortion.metrics.registry import METRICS, named, unavailable_reason
from eval.results.kinds import MetricName

LIBRARIES = ["psnr-hvs", "psnr-hvs-m", "vmaf"]
IDENTICAL = {"psnr-hvs": 100.0, "psnr-hvs-m": 100.0}


@pytest.fixture(scope="module")
def photo():
    """Smooth, with an edge and some texture, 70×90."""
    rows, columns = np.mgrid[:70, :90]
    texture = np.random.default_rng(0).normal(0, 6, (70, 90, 1))
    plane = 90 + 60 * np.sin(rows / 15) * np.cos(columns / 20) + 40 * (columns > 50)
    return np.clip(plane[..., None] * np.array([1, 0.9, 0.7]) + texture, 0, 255).astype(np.uint8)


def blurred(image, times):
    smooth = image.astype(float)
    for _ in range(times):
        smooth = (smooth + np.roll(smooth, 1, 0) + np.roll(smooth, 1, 1) + np.roll(smooth, -1, 0)) / 4
    return np.rint(smooth).astype(np.uint8)


@pytest.mark.parametrize("name", LIBRARIES)
def test_worse_is_lower(name, photo):
    compute = METRICS[name].compute
    scores = [compute(photo, blurred(photo, times)) for times in (0, 1, 4, 12)]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == 4
    assert scores[0] == IDENTICAL.get(name, pytest.approx(97.43, abs=0.01))  # a still of no motion, libvmaf's v0.6.1


def test_psnr_hvs_of_a_uniform_change_is_psnr_of_luma():
    """Only the blocks' means differ, and the first weight of the contrast function is 1.608443 (Egiazarian 2006)."""
    gray = np.full((16, 24, 3), 100, np.uint8)
    lighter = gray + np.uint8(7)
    luma = [round(16 + 219 * level / 255) for level in (100, 107)]
    error = 64 * ((luma[1] - luma[0]) * 1.608443) ** 2 / 64
    expected = 10 * math.log10(255**2 / error)
    assert hvs.psnr_hvs(gray, lighter) == pytest.approx(expected, abs=1e-6)


def test_masking_forgives_errors_in_texture(photo):
    noise = np.random.default_rng(1).integers(-3, 4, photo.shape)
    noisy = np.clip(photo.astype(int) + noise, 0, 255).astype(np.uint8)
    assert hvs.psnr_hvs_m(photo, noisy) > hvs.psnr_hvs(photo, noisy) + 1


def test_sides_that_are_no_whole_blocks(photo):
    """The border is repeated, in both pictures alike."""
    cut = photo[:61, :77]
    assert hvs.psnr_hvs(cut, blurred(cut, 1)) < 100
    assert hvs.psnr_hvs(cut, cut) == 100


def test_vmaf_reads_luma_alone(photo):
    """So red and blue may change where luma does not."""
    gray = np.repeat(photo[..., 1:2], 3, axis=2)
    tinted = gray.astype(int) + np.array([21, 0, -62])  # 0.2126 · 21 - 0.0722 · 62 is 0
    kept = (tinted >= 0).all(-1) & (tinted <= 255).all(-1)
    tinted = np.where(kept[..., None], tinted, gray).astype(np.uint8)
    assert kept.mean() > 0.5
    assert fidelity(gray, tinted).psnr < 20
    assert vmaf.vmaf(gray, tinted) > vmaf.vmaf(gray, blurred(gray, 1))


def test_images_too_small_for_vmaf_have_none(photo):
    assert vmaf.vmaf(photo[:31], photo[:31]) is None
    assert vmaf.vmaf(photo[:32, :40], photo[:32, :40]) is not None


def test_names_come_in_their_own_order():
    assert [metric.name for metric in named(["vmaf", "psnr-hvs"])] == ["psnr-hvs", "vmaf"]
    assert named([]) == ()


def test_a_name_that_nothing_has():
    with pytest.raises(ValueError, match=r"no measure 'ssim': choose of psnr, ms-ssim, psnr-hvs, psnr-hvs-m, vmaf"):
        named(["vmaf", "ssim"])


@pytest.mark.parametrize(("name", "package"), [("psnr-hvs-m", "psnr-hvsm"), ("vmaf", "imageio-ffmpeg")])
def test_without_its_package(name, package, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    vmaf.version.cache_clear()
    vmaf._program.cache_clear()
    with pytest.raises(ValueError, match=rf"--metrics: {name} needs {package}, from a checkout.*'\.\[metrics\]'"):
        named([name])
    vmaf._program.cache_clear()


def test_an_ffmpeg_without_vmaf_is_none(monkeypatch, tmp_path):
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\necho \"No such filter: 'libvmaf'\" >&2\nexit 8\n")
    program.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(program))
    vmaf.version.cache_clear()
    vmaf._program.cache_clear()
    assert "needs an ffmpeg with libvmaf" in unavailable_reason(METRICS["vmaf"])
    vmaf._program.cache_clear()


def fake_program(folder, name, script):
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


def test_programs_of_libjxl(monkeypatch, tmp_path, photo):
    """Stand-ins that print as they do: the score of SSIMULACRA 2, and Butteraugli's 3-norm below the maximum."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert unavailable_reason(METRICS["butteraugli"]) == "needs the program butteraugli_main on the PATH"
    fake_program(tmp_path, "ssimulacra2", 'test -s "$1" && test -s "$2" && echo -17.39850500')
    fake_program(tmp_path, "butteraugli_main", "echo 4.2500000000; echo '3-norm: 1.797507'")
    assert jxl_tools.ssimulacra2(photo, photo) == -17.398505
    assert jxl_tools.butteraugli(photo, photo) == 1.797507
    assert jxl_tools.butteraugli(photo[:7], photo[:7]) is None
    assert [metric.name for metric in named(["butteraugli", "ssimulacra2"])] == ["ssimulacra2", "butteraugli"]
    first = jxl_tools.ssimulacra2_version()
    fake_program(tmp_path, "ssimulacra2", "echo something else")
    assert jxl_tools.ssimulacra2_version() != first  # kept results are not those of another build
    with pytest.raises(CodecError, match="says no score: 'something else'"):
        jxl_tools.ssimulacra2(photo, photo)


def test_results_know_every_measure():
    assert get_args(MetricName) == ("psnr", "ms_ssim_db", *METRICS)


def test_distances_turn_round_as_qualities():
    assert METRICS["butteraugli"].as_quality(1.5) == -1.5
    assert METRICS["vmaf"].as_quality(90.0) == 90.0
    assert [metric.label for metric in registry.METRICS.values()][:3] == ["PSNR-HVS (dB)", "PSNR-HVS-M (dB)", "VMAF"]
