"""`image_files` makes the inputs of these tests; its folder is on the path of those below because of this file."""

import pytest

from cca_jax.image_io.photo import read_photo


@pytest.fixture
def refuse():
    """Reads what must be refused, and gives the one line that says why."""
    from cca_jax.image_io.photo import ImageError

    def read(data, **options):
        with pytest.raises(ImageError) as caught:
            read_photo(data, **options)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return read
