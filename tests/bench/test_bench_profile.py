"""The stages of whole processes, as a table and as a picture."""

import io

import pytest
from PIL import Image
from rich.console import Console

from bench import profile, tables


@pytest.fixture
def figures():
    stages = {stage: 0.5 * number for number, stage in enumerate(profile.STAGES)}  # 14 seconds together
    return {"starter": dict.fromkeys(profile.CASES, stages)}


def test_the_table_adds_the_stages_up(figures):
    stream = io.StringIO()
    Console(file=stream, width=200).print(tables.profile_table((512, 768), figures))
    rows = [line for line in stream.getvalue().splitlines() if "starter" in line]
    assert len(rows) == len(profile.CASES)
    assert all("14.00" in row for row in rows)


def test_the_picture_grows_with_the_bars(figures, tmp_path):
    heights = []
    for models in (figures, {**figures, "paper": figures["starter"]}):
        profile.draw(models, "any", tmp_path / "profile.png")
        with Image.open(tmp_path / "profile.png") as image:
            assert image.format == "PNG"
            heights.append(image.height)
    assert heights[0] < heights[1]
