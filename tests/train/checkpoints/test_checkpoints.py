import gc
import os
import shutil
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from train.checkpoints.checkpoints import BEST, LAST, CheckpointError, Checkpoints, abstract
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


def test_a_half_written_checkpoint_is_passed_over_and_cleared_by_who_writes(saved, one_device):
    torn = saved / LAST / "5.orbax-checkpoint-tmp"
    torn.mkdir()
    with Checkpoints(saved) as checkpoints:
        assert checkpoints.latest_step() == 4
    assert torn.exists()  # it may belong to a run that is writing
    with Checkpoints(saved, keep=2) as checkpoints:
        assert checkpoints.latest_step() == 4
    assert not torn.exists()


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


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.usefixtures("abandoned_reads")
@pytest.mark.parametrize("damage", ["cut", "missing"])
def test_a_damaged_checkpoint_is_one_line(saved, one_device, damage):
    files = [path for path in (saved / LAST / "4").rglob("*") if path.is_file() and "/d/" in str(path)]
    assert files
    for path in files:
        path.write_bytes(path.read_bytes()[:20]) if damage == "cut" else path.unlink()
    with Checkpoints(saved) as checkpoints, pytest.raises(CheckpointError) as refused:
        checkpoints.restore(shapes(one_device))
    assert str(refused.value).startswith(f"checkpoint 4 in {saved} cannot be read")
    assert "\n" not in str(refused.value)


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
