"""What a command names, as items: folders at any depth, lists, archives, stores; and what their outputs are called."""

import io
import tarfile

import pytest

from cca_jax.bulk.sources import Source, expand, is_plain, items_of
from cca_jax.bulk.storage import archives, places, stores
from cca_jax.bulk.work import Item

SUFFIXES = (".png", ".jpg")


@pytest.fixture
def folder(tmp_path):
    """Photos in folders, a hidden one, and a text."""
    for name in ("b.png", "a.JPG", "deep/er/c.png", ".hidden.png", ".cache/d.png", "notes.md"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return tmp_path / "in"


@pytest.fixture
def tar(tmp_path):
    """Three members, one of them twice, as tar keeps what was added again; and a folder."""
    path = tmp_path / "photos.tar"
    with tarfile.open(path, "w") as file:
        for name, content in (("x/0.png", b"old"), ("x/1.jpg", b"one"), ("x/1.json", b"{}"), ("x/0.png", b"new")):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            file.addfile(member, io.BytesIO(content))
        directory = tarfile.TarInfo("x/folder.png")
        directory.type = tarfile.DIRTYPE
        file.addfile(directory)
    return str(path)


@pytest.fixture
def memory():
    """A store in memory, empty."""
    fsspec = pytest.importorskip("fsspec")
    store = fsspec.filesystem("memory")
    store.store.clear()
    yield "memory://bucket"
    store.store.clear()


def names(paths):
    return [source.name for source in expand(map(str, paths), SUFFIXES)]


def test_a_folder_is_taken_at_any_depth(folder):
    assert names([folder]) == ["a.JPG", "b.png", "deep/er/c.png"]
    (first, *_) = expand([str(folder)], SUFFIXES)
    assert places.read(first.place) == b"a.JPG"


def test_a_file_is_taken_whatever_it_ends_in(folder):
    assert names([folder / "notes.md"]) == ["notes.md"]


def test_a_list_names_files_folders_and_archives(folder, tar, tmp_path):
    listed = tmp_path / "photos.txt"
    listed.write_text(f"# photos\nin/deep\n\nin/b.png\n{tar}\n")
    assert names([listed]) == ["in/deep/er/c.png", "in/b.png", "x/0.png", "x/1.jpg"]
    places_of = [source.place for source in expand([str(listed)], SUFFIXES)]
    assert [places.read(place) for place in places_of] == [b"deep/er/c.png", b"b.png", b"new", b"one"]


def test_members_of_a_tar_are_read_by_themselves(tar):
    assert names([tar]) == ["x/0.png", "x/1.jpg"]
    assert places.read(f"{tar}#x/1.jpg") == b"one"
    assert places.state(f"{tar}#x/1.jpg").version == stores.state(tar).version
    with pytest.raises(FileNotFoundError, match=r"no member x/2\.png"):
        places.read(f"{tar}#x/2.png")


@pytest.mark.parametrize("column", ["bytes", "image"])
@pytest.mark.parametrize("named", [True, False])
def test_rows_of_a_table_are_read_by_themselves(tmp_path, column, named):
    arrow = pytest.importorskip("pyarrow", exc_type=ImportError)
    parquet = pytest.importorskip("pyarrow.parquet", exc_type=ImportError)
    contents = [b"zero", b"one", b"two"]
    rows = [{"bytes": content, "path": "p"} for content in contents] if column == "image" else contents
    columns = {column: rows} | ({"key": ["k/0.png", "1", "2.jpg"]} if named else {})
    path = str(tmp_path / "table.parquet")
    parquet.write_table(arrow.table(columns), path, row_group_size=2)
    expected = ["k/0.png", "1", "2.jpg"] if named else [f"table-{number:08}.png" for number in range(3)]
    assert names([path]) == expected
    assert [places.read(f"{path}#{number}") for number in range(3)] == contents
    with pytest.raises(FileNotFoundError, match="no row 3"):
        places.read(f"{path}#3")


def test_a_table_without_pictures_is_refused(tmp_path):
    arrow = pytest.importorskip("pyarrow", exc_type=ImportError)
    parquet = pytest.importorskip("pyarrow.parquet", exc_type=ImportError)
    path = str(tmp_path / "table.parquet")
    parquet.write_table(arrow.table({"text": ["a"]}), path)
    with pytest.raises(ValueError, match="no column of pictures"):
        names([path])


@pytest.mark.parametrize("name", ["broken.tar", "broken.parquet"])
def test_a_broken_archive_is_refused(tmp_path, name):
    if name.endswith(".parquet"):
        pytest.importorskip("pyarrow", exc_type=ImportError)
    (tmp_path / name).write_bytes(b"neither")
    with pytest.raises(ValueError, match=r"broken\."):
        names([tmp_path / name])


def test_a_store_is_read_and_written(memory):
    for name in ("in/a.png", "in/deep/b.png", "in/.cca-jax/c.png", "in/notes.md"):
        stores.write(stores.join(memory, name), name.encode())
    assert names([f"{memory}/in"]) == ["a.png", "deep/b.png"]
    assert places.read(f"{memory}/in/deep/b.png") == b"in/deep/b.png"
    assert places.state(f"{memory}/in/a.png").size == 8
    assert places.state(f"{memory}/in/none.png") is None
    with pytest.raises(FileNotFoundError):
        names([f"{memory}/other"])


@pytest.mark.parametrize("name", ["none", "empty", "empty.txt", "none.tar"])
def test_what_holds_nothing_is_refused(tmp_path, name):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty.txt").write_text("\n")
    if name == "none":  # a file by its name, which its reader will miss
        assert names([tmp_path / name]) == ["none"]
        return
    with pytest.raises(FileNotFoundError):
        names([tmp_path / name])


def test_outputs_mirror_the_names_of_inputs():
    sources = [Source("/in/a.png", "a.png"), Source("t.tar#x/b.v2.jpg", "x/b.v2.jpg"), Source("/in/a.png", "a.png")]
    assert list(items_of(sources, "out", ".cca")) == [
        Item("/in/a.png", "out", "a.cca"),
        Item("t.tar#x/b.v2.jpg", "out", "x/b.v2.cca"),
    ]


def test_outputs_stay_apart_and_inside_their_folder():
    with pytest.raises(ValueError, match=r"a\.png and /in/a\.jpg would both"):
        list(items_of([Source("/in/a.png", "a.png"), Source("/in/a.jpg", "a.jpg")], "out", ".cca"))
    with pytest.raises(ValueError, match="outside"):
        list(items_of([Source("/a.png", "../a.png")], "out", ".cca"))
    assert next(items_of([Source("t.tar#/etc/a.png", "/etc/a.png")], "out", ".cca")).name == "etc/a.cca"


@pytest.mark.parametrize(
    ("place", "plain"),
    [
        ("photo.png", True),
        ("photos/", True),
        ("s3://b/photos", False),
        ("a.txt", False),
        ("a.TAR", False),
        ("a.tar#b.png", False),
    ],
)
def test_plain_places_are_files_and_folders_of_this_machine(place, plain):
    assert is_plain(place) is plain


def test_places_of_members_are_told_from_others():
    assert archives.split("a.tar#b.tar#c.png") == ("a.tar", "b.tar#c.png")
    assert archives.split("a#b.png") is None
