"""The stages of whole processes, as a table and as a picture."""

import io

import pytest
from PIL import Image
from rich.console import Console

from bench import tables
from bench.process import stages


@pytest.fixture
def figures():
    seconds = {stage: 0.5 * number for number, stage in enumerate(stages.STAGES)}  # 14 seconds together
    return {"starter": dict.fromkeys(stages.CASES, seconds)}


def test_the_table_adds_the_stages_up(figures):
    stream = io.StringIO()
    Console(file=stream, width=200).print(tables.profile_table((512, 768), figures))
    rows = [line for line in stream.getvalue().splitlines() if "starter" in line]
    assert len(rows) == len(stages.CASES)
    assert all("14.00" in row for row in rows)


def test_the_picture_grows_with_the_bars(figures, tmp_path):
    heights = []
    for models in (figures, {**figures, "paper": figures["starter"]}):
        stages.draw(models, "any", tmp_path / "stages.png")
        with Image.open(tmp_path / "stages.png") as image:
            assert image.format == "PNG"
            heights.append(image.height)
    assert heights[0] < heights[1]
