"""Programs are kept and found again without tracing, and whatever is wrong with one costs time alone."""

import math
import re
import secrets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import cca_jax
from cca_jax.compile_cache import environment, private_jax, program_source, programs
from cca_jax.compile_cache.compilation import compile_anew
from cca_jax.compile_cache.environment import compile_environment, source_digest
from cca_jax.compile_cache.held import HeldPrograms
from cca_jax.compile_cache.store import ProgramStore
from cca_jax.model.parts.slice_model import SlicePrediction

X = np.linspace(0, 1, 7, dtype=np.float32)
SHAPE = jax.ShapeDtypeStruct(X.shape, X.dtype)


@pytest.fixture
def store(tmp_path, monkeypatch):
    store = ProgramStore(tmp_path, -1)
    monkeypatch.setattr(programs, "open_store", lambda: store)
    monkeypatch.setattr(programs, "_least_seconds", lambda: 0.0)
    monkeypatch.setattr(programs, "_programs", HeldPrograms())
    return store


@pytest.fixture
def step(monkeypatch):
    """A jitted step with a static argument and nested results; `traces` counts how often JAX traces it."""

    def wave(times, x):
        traces.append(times)
        return SlicePrediction(jnp.sin(times * x + phase), None, [x, jnp.exp(x)], x.sum())

    phase = secrets.randbelow(1 << 20)  # else JAX might have the program in its own cache, from another run
    monkeypatch.setattr(program_source, "OWN", (*program_source.OWN, __name__))
    traces = []
    jitted = jax.jit(wave, static_argnums=0)
    jitted.traces = traces
    return jitted


def prepare(step, *arguments):
    with ThreadPoolExecutor(1) as threads:
        return programs.prepare(step, arguments, threads)


def run(step, *arguments):
    return programs.find(step, arguments)()


def leaves(tree):
    return [np.asarray(leaf) for leaf in jax.tree.leaves(tree)]


def another_process():
    programs._programs.clear()
    jax.clear_caches()


def test_a_kept_program_is_not_traced_and_gives_the_same_bits(store, step):
    shapes = prepare(step, 3, SHAPE)
    first = run(step, 3, X)
    another_process()
    assert prepare(step, 3, SHAPE) == shapes == jax.eval_shape(lambda: first)
    assert isinstance(first, SlicePrediction)
    again = run(step, 3, X)
    assert step.traces == [3]
    assert jax.tree.structure(again) == jax.tree.structure(first) == jax.tree.structure(step(3, X))
    for a, b, c in zip(leaves(first), leaves(again), leaves(step(3, X)), strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)


def test_other_arguments_settings_or_code_are_other_programs(step, monkeypatch):
    keys = {programs.Signature.of(step, arguments).key(step) for arguments in ((3, X), (4, X), (3, X[1:]), (3, [X]))}
    with jax.default_matmul_precision("float32"):
        keys.add(programs.Signature.of(step, (3, X)).key(step))
    for name in ("compile_environment", "source_of"):
        monkeypatch.setattr(programs, name, lambda *_: "elsewhere")
        keys.add(programs.Signature.of(step, (3, X)).key(step))
    assert len(keys) == 7
    assert None not in keys


@pytest.mark.parametrize(
    "context", [lambda: jax.default_matmul_precision("float32"), lambda: jax.numpy_dtype_promotion("strict")]
)
def test_a_program_belongs_to_the_settings_it_was_prepared_in(store, step, context):
    with context():
        prepare(step, 3, SHAPE)
    another_process()
    with context():
        prepare(step, 3, SHAPE)
        run(step, 3, X)
    assert step.traces == [3]
    prepare(step, 3, SHAPE)
    assert step.traces == [3, 3]


def test_a_program_is_prepared_once(store, step):
    assert prepare(step, 3, SHAPE) == prepare(step, 3, SHAPE)
    assert step.traces == [3]


def keep_failing(step, monkeypatch, error):
    """A program that another process kept, and that fails here when it runs."""
    prepare(step, 3, SHAPE)
    another_process()

    def fail(*arguments):
        raise error

    monkeypatch.setattr(private_jax.serialize_executable, "deserialize_and_load", lambda *_, **__: fail)
    prepare(step, 3, SHAPE)


def test_a_program_that_fails_when_it_runs_is_compiled_anew(store, step, monkeypatch, tmp_path):
    keep_failing(step, monkeypatch, ValueError("compiled for other sharding"))
    np.testing.assert_array_equal(run(step, 3, X).mean, step(3, X).mean)
    assert not list(tmp_path.glob("*.program"))


def test_a_program_that_runs_out_of_memory_is_kept(store, step, monkeypatch, tmp_path):
    keep_failing(step, monkeypatch, RuntimeError("RESOURCE_EXHAUSTED: Out of memory"))
    with pytest.raises(RuntimeError, match="Out of memory"):
        run(step, 3, X)
    assert list(tmp_path.glob("*.program"))


def test_without_compilation_no_program_runs(store, step):
    prepare(step, 3, SHAPE)
    with jax.disable_jit():
        run(step, 3, X)
    assert step.traces == [3, 3]


def test_the_environment_sees_flags_and_changed_code(tmp_path, monkeypatch):
    before = compile_environment()
    assert compile_environment() == before
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math=true")
    assert compile_environment() != before
    folders = [tmp_path / name for name in "abc"]
    for folder, code in zip(folders, ("x = 1", "x = 1", "x = 2"), strict=True):
        folder.mkdir()
        (folder / "module.py").write_text(code)
    digests = [source_digest((folder, folders[0] / "module.py")) for folder in folders]
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize("missing", ["metadata", "source", "code", "settings"])
def test_where_the_environment_cannot_be_told_nothing_is_kept(store, step, monkeypatch, tmp_path, missing):
    if missing == "metadata":
        monkeypatch.setattr(environment, "_LIBRARIES", ("a package that nobody has",))
        environment._machine.cache_clear()
    elif missing != "settings":
        folder = tmp_path / "package"
        if missing == "code":
            folder.mkdir()
        monkeypatch.setattr(environment, "_SOURCES", (folder,))
    if missing == "settings":
        monkeypatch.setattr(private_jax, "settings", lambda: None)
    else:
        assert compile_environment() is None
    prepare(step, 3, SHAPE)
    np.testing.assert_array_equal(run(step, 3, X).mean, step(3, X).mean)
    assert not list(tmp_path.glob("*.program"))


def test_programs_of_a_source_that_nobody_knows_are_not_kept(store, step, monkeypatch, tmp_path):
    monkeypatch.setattr(program_source, "OWN", ("cca_jax.model",))
    prepare(step, 3, SHAPE)
    np.testing.assert_array_equal(run(step, 3, X).mean, step(3, X).mean)
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_pickled_is_not_kept(store, step, monkeypatch, tmp_path):
    monkeypatch.setattr(programs, "serialize", lambda program: (lambda: None, None, None))
    prepare(step, 3, SHAPE)
    np.testing.assert_array_equal(run(step, 3, X).mean, step(3, X).mean)
    assert not list(tmp_path.iterdir())


def test_the_steps_import_nothing_but_what_their_digest_reads():
    package = Path(cca_jax.__file__).parent
    code = "".join(path.read_text() for folder in ("model", "ops") for path in (package / folder).rglob("*.py"))
    assert set(re.findall(r"^\s*(?:from|import) cca_jax\.(\w+)", code, re.MULTILINE)) == {"config", "model", "ops"}


@pytest.mark.parametrize("damage", ["cut", "not understood"])
def test_a_damaged_entry_is_compiled_and_written_anew(store, step, tmp_path, damage):
    prepare(step, 3, SHAPE)
    key = programs.Signature.of(step, (3, X)).key(step)
    if damage == "cut":
        (entry,) = tmp_path.glob("*.program")
        entry.write_bytes(entry.read_bytes()[:-1])
    else:
        store.remove(key)
        store.put(key, b"of another kind")
    another_process()
    prepare(step, 3, SHAPE)
    np.testing.assert_array_equal(run(step, 3, X).mean, step(3, X).mean)
    assert step.traces[:2] == [3, 3]
    assert store.get(key) is not None


def test_a_program_that_does_not_load_is_forgotten(store, step, monkeypatch, tmp_path):
    prepare(step, 3, SHAPE)
    another_process()

    def refuse(*arguments, **named):
        raise RuntimeError("compiled for another machine")

    monkeypatch.setattr(private_jax.serialize_executable, "deserialize_and_load", refuse)
    prepare(step, 3, SHAPE)
    np.testing.assert_array_equal(run(step, 3, X).mean, step(3, X).mean)
    assert not list(tmp_path.glob("*.program"))


class Cached:
    """A lowered step that JAX has in its own cache."""

    def compile(self, compiler_options):
        del compiler_options
        assert jax.config.jax_persistent_cache_min_compile_time_secs == math.inf  # JAX writes nothing
        jax.monitoring.record_event("/jax/compilation_cache/cache_hits")


def test_what_jax_read_from_its_own_cache_is_known(step):
    lowered = step.lower(3, SHAPE)
    assert [compile_anew(computation)[1] for computation in (lowered, Cached(), lowered)] == [True, False, True]
    assert jax.config.jax_persistent_cache_min_compile_time_secs < math.inf


def test_without_a_store_and_without_a_rehearsal(store, step, monkeypatch, tmp_path):
    monkeypatch.setattr(programs, "open_store", lambda: None)
    prepare(step, 3, SHAPE)
    np.testing.assert_array_equal(run(step, 3, X).mean, run(step, 3, jnp.asarray(X)).mean)
    assert run(step, 5, X[1:]).mean.shape == (6,)
    assert not list(tmp_path.iterdir())
