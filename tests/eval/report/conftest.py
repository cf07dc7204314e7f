"""A small run with everything that a report can show, and names that are an attack."""

import numpy as np
import pytest

from eval.rate_distortion.curves import PublishedCurve
from eval.rate_distortion.means import mean_records
from eval.report.bitmaps import BitMaps
from eval.report.pictures import Picture, make_version
from eval.results.records import Failure, ImageRecord
from eval.results.results import BdRecord, CodecRecord, Data, Machine, Results

ATTACK = "</script><script>document.title='owned'</script><img src=x onerror=document.title='owned'>$x_{"
"""A file name that would run if it reached the page as anything but text."""
IMAGES = ("a.png", ATTACK)
HEIGHT, WIDTH = 100, 150


def record(image, codec, setting, rate, psnr, **more):
    fields = {
        "image": image,
        "width": WIDTH,
        "height": HEIGHT,
        "codec": codec,
        "setting": setting,
        "bytes": round(rate * WIDTH * HEIGHT / 8),
        "bits_per_pixel": rate,
        "psnr": psnr,
        "ms_ssim": 0.9,
        "ms_ssim_db": 10.0,
        "encode_seconds": {"total": 0.5},
        "decode_seconds": {"total": 0.25},
    }
    return ImageRecord(**fields | more)


@pytest.fixture
def make_record():
    return record


@pytest.fixture(scope="session")
def results():
    """Two images; ours at a single rate with slices, and a conventional codec of four settings."""
    parts = {"transform": 0.125, "coder": 0.375, "total": 0.5}
    records = [
        record(image, "ours", 0.0, 0.5, 31.0, encode_seconds=parts, bits_per_slice=(1500, 3000, 3000))
        for image in IMAGES
    ]
    for setting, rate, psnr in ((10, 0.25, 27.0), (30, 0.5, 30.0), (60, 1.0, 33.0), (90, 2.0, None)):
        records += [record(image, ATTACK, setting, rate, psnr, ms_ssim=None, ms_ssim_db=None) for image in IMAGES]
    codecs = (
        CodecRecord(
            name="ours", version="model 01", kind="ours", external=False, setting_name="quality", settings=(0.0,)
        ),
        CodecRecord(
            name=ATTACK,
            version="1",
            kind="conventional",
            external=False,
            setting_name="quality",
            settings=(10, 30, 60, 90),
        ),
    )
    return Results(
        created="2026-01-02T03:04:05+00:00",
        machine=Machine(cpu="a processor", cores=2, memory_bytes=2**33, system="a system", device="cpu"),
        versions={"python": "3.11"},
        data=Data(name="photos", count=3),
        codecs=codecs,
        records=tuple(records),
        means=mean_records(records),
        compile_seconds=1.5,
        failures=(Failure(image=f"{ATTACK}.png", reason="is damaged"),),
        bd=(
            BdRecord(anchor=ATTACK, codec="ours", metric="psnr", reason="the codec has 1 of the 4 points"),
            BdRecord(
                anchor="VTM",
                codec=ATTACK,
                metric="psnr",
                bd_rate_percent=-13.68,
                bd_quality=0.615,
                overlap=(27.04, 33.06),
            ),
        ),
        published=("VTM",),
    )


@pytest.fixture(scope="session")
def published():
    return (
        PublishedCurve(
            name="VTM",
            dataset="kodak",
            metric="psnr",
            pixels="float",
            rate="file",
            source=f"a paper {ATTACK}",
            points=((0.1, 27.0), (0.9, 36.0), (9.0, 50.0)),
        ),
    )


@pytest.fixture(scope="session")
def pictures():
    """One picture, its two versions off by 8 levels to the right, and by 16 in red."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    original = np.stack([rows, columns, (rows + columns) // 2], axis=-1).astype(np.uint8)
    ours, other = original.copy(), original.copy()
    ours[:, WIDTH // 2 :] += 8
    other[..., 0] += 16
    bits = BitMaps(np.full((2, 3), 4.0), np.arange(2 * 8 * 12.0).reshape(2, 8, 12))
    return (
        Picture(
            ATTACK,
            original,
            (
                make_version(original, "ours", "", 900, ours, bits=bits),
                make_version(original, ATTACK, "quality 30", 850, other, note="cannot be as small"),
            ),
        ),
    )
