"""What a run prints at its end of the efforts that encoders made."""

from types import SimpleNamespace

from eval.runner.summary import print_efforts


def mean(codec, seconds):
    return SimpleNamespace(codec=codec, encode_seconds={"total": seconds})


def record(anchor, codec, percent, metric="psnr"):
    return SimpleNamespace(anchor=anchor, codec=codec, metric=metric, bd_rate_percent=percent)


def test_each_effort_is_compared_with_none(capsys):
    means = [mean("lite", 0.5), mean("lite", 1.5), mean("lite, effort 3", 4.0), mean("lite, effort 9", 9.0)]
    bd = [record("lite", "lite, effort 3", -3.21), record("lite, effort 3", "lite", 3.4)]
    bd += [record("lite", "lite, effort 3", -9.0, "ms_ssim_db"), record("lite", "lite, effort 9", None)]
    print_efforts([*means, mean("JPEG", 0.1)], bd)
    rows = [line.rsplit(maxsplit=2) for line in capsys.readouterr().out.splitlines()[2:]]
    assert rows == [["lite", "1.0", "+0.0"], ["lite, effort 3", "4.0", "-3.2"], ["lite, effort 9", "9.0", "n/a"]]


def test_without_effort_there_is_no_table(capsys):
    print_efforts([mean("lite", 0.5), mean("JPEG", 0.1)], [])
    assert capsys.readouterr().out == ""
