import numpy as np
import pytest
from PIL import Image


def make_photo(height, width, tag=0):
    """Every pixel says where it is: (row, column, which photo)."""
    rows, columns = np.mgrid[0:height, 0:width]
    return np.stack([rows, columns, np.full_like(rows, tag)], axis=-1).astype(np.uint8)


@pytest.fixture(scope="session")
def photo():
    return make_photo


@pytest.fixture
def save():
    """Writes a photo under any path, making its folders."""

    def write(path, height=20, width=30, tag=0):
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(make_photo(height, width, tag)).save(path)
        return path

    return write


@pytest.fixture
def save_damaged(save):
    """Writes a photo whose beginning is good and whose end is missing."""

    def write(path):
        save(path, 100, 100)
        path.write_bytes(path.read_bytes()[:-200])
        return path

    return write
