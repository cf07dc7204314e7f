import gc
import os
import shutil
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from train.checkpoints.checkpoints import BEST, LAST, CheckpointError, Checkpoints, abstract
from train.checkpoints.wholeness import INCOMPLETE
from train.step.mesh import replicate, replicated


def state(value=0.0, size=4):
    return {"kernel": np.full((2, size), value, np.float32), "none": None, "step": np.int32(value)}


@pytest.fixture
def saved(tmp_path, one_device):
    """A folder with checkpoints 1 to 4, of which 2 was the best and two are kept."""
    with Checkpoints(tmp_path, keep=2) as checkpoints:
        for step in (1, 2, 3, 4):
            checkpoints.save(step, replicate(state(step), one_device), {"seen": step}, best=step == 2)
    return tmp_path


def shapes(mesh, tree=None):
    return abstract(jax.tree.map(jnp.asarray, state() if tree is None else tree), replicated(mesh))


def test_the_last_few_and_the_best_are_kept(saved, one_device):
    assert sorted(os.listdir(saved / LAST)) == ["3", "4"]
    assert os.listdir(saved / BEST) == ["2"]
    with Checkpoints(saved) as checkpoints:
        assert (checkpoints.latest_step(), checkpoints.best_step()) == (4, 2)
        for best, step in ((False, 4), (True, 2)):
            actual, metadata = checkpoints.restore(shapes(one_device), best)
            jax.tree.map(np.testing.assert_array_equal, actual, state(step))
            assert metadata == {"seen": step}


def test_what_was_given_away_after_saving_is_saved_all_the_same(tmp_path, one_device):
    give_away = jax.jit(lambda tree: jax.tree.map(lambda v: v * 0 - 1, tree), donate_argnums=0)
    with Checkpoints(tmp_path, keep=1) as checkpoints:
        held = replicate(state(7.0), one_device)
        checkpoints.save(1, held, {})
        give_away(held)
    with Checkpoints(tmp_path) as checkpoints:
        jax.tree.map(np.testing.assert_array_equal, checkpoints.restore(shapes(one_device))[0], state(7.0))


def test_what_is_being_saved_shares_no_memory_with_what_may_be_given_away(tmp_path, one_device, monkeypatch):
    held, seen = replicate(state(7.0), one_device), []
    with Checkpoints(tmp_path, keep=1) as checkpoints:
        monkeypatch.setattr(checkpoints._last, "save", lambda step, args: seen.append(args) or True)
        checkpoints.save(1, held, {})
    (args,) = seen
    for given, saved in zip(jax.tree.leaves(held), jax.tree.leaves(args["state"].item), strict=True):
        assert given.unsafe_buffer_pointer() != saved.unsafe_buffer_pointer()
        np.testing.assert_array_equal(given, saved)


@pytest.mark.parametrize("number", ["", "-1758900000", "-12"])
def test_a_half_written_checkpoint_is_passed_over_and_cleared_by_who_writes(saved, one_device, number):
    torn = saved / LAST / f"5.orbax-checkpoint-tmp{number}"
    shutil.copytree(saved / LAST / "4" / "state", torn)
    with Checkpoints(saved) as checkpoints:
        assert checkpoints.latest_step() == 4
    assert torn.exists()  # it may belong to a run that is writing
    with Checkpoints(saved, keep=2) as checkpoints:
        assert checkpoints.latest_step() == 4
        checkpoints.save(5, replicate(state(5), one_device), {})
    assert sorted(os.listdir(saved / LAST)) == ["4", "5"]


def test_a_best_one_of_the_same_step_is_replaced(saved, one_device):
    """A run that was killed between the two writes, and then did that step over with another schedule."""
    with Checkpoints(saved, keep=2) as checkpoints:
        checkpoints.save(5, replicate(state(5.0), one_device), {"life": 1}, best=True)
    shutil.rmtree(saved / LAST / "5")
    with Checkpoints(saved, keep=2) as checkpoints:
        checkpoints.save(5, replicate(state(6.0), one_device), {"life": 2}, best=True)
    with Checkpoints(saved) as checkpoints:
        for best in (False, True):
            actual, metadata = checkpoints.restore(shapes(one_device), best)
            jax.tree.map(np.testing.assert_array_equal, actual, state(6.0))
            assert metadata == {"life": 2}


def test_no_checkpoint(tmp_path, one_device):
    with Checkpoints(tmp_path) as checkpoints, pytest.raises(CheckpointError, match=r"^no checkpoint in "):
        checkpoints.restore(shapes(one_device))


@pytest.fixture
def abandoned_reads():
    """What orbax had begun to read when it met an error is left to the garbage collector, which complains of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
        gc.collect()


def empty(checkpoint):
    shutil.rmtree(checkpoint)
    checkpoint.mkdir()


def without(*names):
    def damage(checkpoint):
        for name in names:
            path = checkpoint / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    return damage


def cut(name):
    def damage(checkpoint):
        data = (checkpoint / name).read_bytes()
        (checkpoint / name).write_bytes(data[: len(data) // 2])

    return damage


def arrays(checkpoint):
    return [path for path in checkpoint.rglob("*") if path.is_file() and "/d/" in str(path)]


def lost_arrays(checkpoint):
    for path in arrays(checkpoint):
        path.unlink()


def cut_arrays(checkpoint):
    for path in arrays(checkpoint):
        path.write_bytes(path.read_bytes()[:20])


def a_file(checkpoint):
    shutil.rmtree(checkpoint)
    checkpoint.write_text("")


DAMAGES = {
    "empty": (empty, "it is empty"),
    "no metadata": (without("_CHECKPOINT_METADATA"), "it has no _CHECKPOINT_METADATA"),
    "no facts": (without("facts"), "it has no facts/metadata"),
    "no state": (without("state"), "it has no state/_METADATA"),
    "no manifest": (without("state/manifest.ocdbt"), "it has no state/manifest.ocdbt"),
    "cut facts": (cut("facts/metadata"), "its facts/metadata is cut short"),
    "lost arrays": (lost_arrays, "its arrays cannot be read"),
    "cut arrays": (cut_arrays, "its arrays cannot be read"),
    "a file": (a_file, "it is no folder"),
}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.usefixtures("abandoned_reads")
@pytest.mark.parametrize("damage", DAMAGES)
def test_the_newest_whole_one_counts_and_a_damaged_one_is_moved_aside(saved, one_device, damage):
    do, reason = DAMAGES[damage]
    do(saved / LAST / "4")
    told = []
    with Checkpoints(saved, tell=told.append) as checkpoints:  # a reader moves nothing
        actual, metadata = checkpoints.restore(shapes(one_device))
    assert metadata == {"seen": 3}
    assert (saved / LAST / "4").exists()
    assert told == [f"warning: checkpoint 4 is not whole ({reason}): passed over"]
    told.clear()
    with Checkpoints(saved, keep=2, tell=told.append) as checkpoints:
        actual, metadata = checkpoints.restore(shapes(one_device))
        jax.tree.map(np.testing.assert_array_equal, actual, state(3))
        assert checkpoints.latest_step() == 3
        checkpoints.save(4, replicate(state(40), one_device), {"seen": 40})
    aside = saved / INCOMPLETE / "checkpoints-4"
    assert told == [f"warning: checkpoint 4 is not whole ({reason}): moved to {aside}"]
    assert aside.exists()
    with Checkpoints(saved) as checkpoints:
        assert checkpoints.restore(shapes(one_device))[1] == {"seen": 40}


def test_where_no_checkpoint_is_whole_nothing_is_touched(saved):
    for step in "34":
        without("_CHECKPOINT_METADATA")(saved / LAST / step)
    for keep in (None, 2):
        with pytest.raises(CheckpointError, match=r"no checkpoint in \S+ is whole \(4: it has no _CHECKP"):
            Checkpoints(saved, keep)
    assert sorted(os.listdir(saved / LAST)) == ["3", "4"]
    assert not (saved / INCOMPLETE).exists()


def test_damaged_ones_of_one_step_are_all_kept(saved):
    for _ in range(2):
        empty(saved / LAST / "4") if (saved / LAST / "4").exists() else (saved / LAST / "4").mkdir()
        Checkpoints(saved, keep=2).__exit__(None, None, None)
    assert sorted(os.listdir(saved / INCOMPLETE)) == ["checkpoints-4", "checkpoints-4-2"]


def test_a_damaged_best_one_makes_room_for_the_next(saved, one_device):
    empty(saved / BEST / "2")
    with Checkpoints(saved, keep=2) as checkpoints:
        assert checkpoints.best_step() is None
        assert checkpoints.latest_step() == 4
        checkpoints.save(5, replicate(state(5), one_device), {}, best=True)
        checkpoints.wait()
        assert checkpoints.best_step() == 5


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.usefixtures("abandoned_reads")
def test_where_none_can_be_read_the_newest_is_named(saved, one_device):
    for step in "34":
        lost_arrays(saved / LAST / step)
    with Checkpoints(saved, keep=2) as checkpoints, pytest.raises(CheckpointError) as refused:
        checkpoints.restore(shapes(one_device))
    assert str(refused.value).startswith(f"checkpoint 4 in {saved} cannot be read")
    assert "\n" not in str(refused.value)
    assert sorted(os.listdir(saved / LAST)) == ["3", "4"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.usefixtures("abandoned_reads")
def test_another_structure_is_refused(saved, one_device):
    with Checkpoints(saved) as checkpoints:
        for other in (state(size=5), {"kernel": np.zeros((2, 4), np.float32)}):
            with pytest.raises(CheckpointError, match="cannot be read"):
                checkpoints.restore(shapes(one_device, other))


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "run").write_text("a file")
    with pytest.raises(CheckpointError, match=r"checkpoints cannot be kept in .*run"):
        Checkpoints(tmp_path / "run", keep=1)


def test_a_full_disk_is_one_line_that_says_so(tmp_path, one_device, monkeypatch):
    checkpoints = Checkpoints(tmp_path, keep=1)
    reason = "RESOURCE_EXHAUSTED: Error writing local file\n[OS error 28: ENOSPC No space left on device]"

    def full(*args, **kwargs):
        raise ValueError(reason)

    monkeypatch.setattr(checkpoints._last, "save", full)
    with pytest.raises(CheckpointError, match=r"^checkpoint 1 could not be written to \S+: the disk is full"):
        checkpoints.save(1, replicate(state(), one_device), {})
    checkpoints.__exit__(None, None, None)
