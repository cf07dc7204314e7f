"""The shell: exit statuses, one line for a mistake, tracebacks on request, a quick --help, the progress bar."""

import io
import subprocess
import sys
from pathlib import Path

import pytest

from cca_jax.cli.commands import compress
from cca_jax.cli.console import Reporter
from cca_jax.cli.errors import describe

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("nonsense",),
        ("compress",),
        ("compress", "a.png", "--quality", "high"),
        ("compress", "a.png", "--coder", "x"),
    ],
)
def test_a_mistake_in_the_arguments_is_one_line(run, arguments):
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert err.startswith("cca-jax: ")
    assert "--help" in err
    assert err.count("\n") == 1


def test_help_and_version(run):
    status, out, _ = run("--help")
    assert status == 0
    assert all(command in out for command in ("compress", "decompress", "info", "models", "convert"))
    assert run("--version")[:1] == (0,)


@pytest.mark.parametrize(
    ("error", "status"), [(ValueError("a\nb"), 2), (OSError(28, "No space left"), 2), (ImportError("torch"), 2)]
)
def test_expected_errors_are_one_line(run, monkeypatch, error, status):
    def fail(*_):
        raise error

    monkeypatch.setattr(compress.codecs, "load_codec", fail)
    found, _, err = run("compress", ROOT / "pyproject.toml")
    assert found == status
    assert err.count("\n") == 1
    with pytest.raises(type(error)):
        run("compress", ROOT / "pyproject.toml", "--debug")
    with pytest.raises(type(error)):
        run("--debug", "compress", ROOT / "pyproject.toml")


def test_debug_shows_the_traceback_of_a_bad_file_too(run, photo, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"")
    with pytest.raises(ValueError, match="is empty"):
        run("compress", tmp_path / "bad.png", "--debug")


def test_a_bug_is_not_hidden(run, monkeypatch, photo):
    def fail(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(compress.codecs, "load_codec", fail)
    with pytest.raises(ZeroDivisionError):
        run("compress", photo())


def test_interruption_leaves_no_file(run, monkeypatch, photo, tmp_path, fake_codec):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(fake_codec, "compress", interrupt)
    assert run("compress", photo()) == (130, "", "cca-jax: interrupted\n")
    assert [path.name for path in tmp_path.iterdir()] == ["photo.png"]


@pytest.mark.parametrize(
    ("error", "path", "expected"),
    [
        (ValueError("bad"), "a.png", "a.png: bad"),
        (ValueError("a.png: bad"), "a.png", "a.png: bad"),
        (FileNotFoundError(2, "No such file", "a.png"), "a.png", "a.png: No such file"),
        (PermissionError(13, "Permission denied", "out.cca"), "a.png", "a.png: out.cca: Permission denied"),
        (ValueError(), None, "ValueError"),
        (MemoryError(), "a.png", "a.png: there is not enough memory: use a smaller image or a machine with more"),
    ],
)
def test_describe(error, path, expected):
    assert describe(error, None if path is None else Path(path)) == expected


def python(*arguments):
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


def test_help_imports_nothing_heavy():
    heavy = ["jax", "jaxlib", "flax", "numpy", "PIL", "rich", "tensorflow", "constriction", "torch"]
    code = (
        f"import sys; import cca_jax.cli.main as m; m.build_parser(); print([n for n in {heavy} if n in sys.modules])"
    )
    result = python("-c", code)
    # NumPy alone is quick, and the door to the codec names its arrays.
    assert result.stdout.strip() == "['numpy']", result.stderr


def test_a_closed_pipe_is_no_traceback():
    code = (
        "import sys; from cca_jax.cli.main import main; sys.stdout.close = None; sys.exit(main(['models', '--json']))"
    )
    fake = (
        "import cca_jax.cli.library.models as l, cca_jax.cli.commands.models as m\n"
        "def broken(*_): raise BrokenPipeError(32, 'Broken pipe')\n"
        "l.list_models = lambda: []\n"
        "m.print_json = broken\n"
    )
    result = python("-c", fake + code)
    assert (result.returncode, result.stderr) == (1, "")


class Terminal(io.StringIO):
    def isatty(self):
        return True


def report(total):
    with Reporter(total, "compressing") as reporter:
        for i in range(total):
            reporter.begin(f"[{i}].png")
            reporter.line(f"[{i}].cca done")
            reporter.problem(f"[{i}].png: warning")
            reporter.done()


def test_a_bar_appears_on_a_terminal_for_several_files(monkeypatch):
    out, err = io.StringIO(), Terminal()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    report(3)
    assert out.getvalue() == "[0].cca done\n[1].cca done\n[2].cca done\n"
    assert "[2].png: warning" in err.getvalue()
    assert "3/3" in err.getvalue()


def test_on_one_terminal_lines_stand_above_the_bar(monkeypatch):
    out, err = Terminal(), Terminal()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    report(2)
    assert out.getvalue() == ""
    assert "[1].cca done" in err.getvalue()


def test_a_file_that_takes_long_has_a_bar_of_what_is_done_within_it(monkeypatch):
    err = Terminal()
    monkeypatch.setattr(sys, "stderr", err)
    with Reporter(1, "compressing", long=True) as reporter:
        reporter.begin("a.png")
        reporter.within(4, 8)
        reporter.within(8, 8)
        assert [(task.completed, task.total) for task in reporter._bar.tasks] == [(0, 1), (8, 8)]
        reporter.done()
        assert len(reporter._bar.tasks) == 1
    assert "1/1" in err.getvalue()
    with Reporter(1, "compressing") as reporter:
        reporter.within(1, 2)  # and none, where there is no bar


@pytest.mark.parametrize(("total", "terminal"), [(1, True), (3, False)])
def test_no_bar_for_one_file_or_a_log(monkeypatch, total, terminal):
    out, err = io.StringIO(), Terminal() if terminal else io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    report(total)
    assert err.getvalue() == "".join(f"cca-jax: [{i}].png: warning\n" for i in range(total))
