import pytest

from train.recipe.durations import Duration


@pytest.mark.parametrize(
    ("text", "amount", "unit"),
    [
        ("1000", 1000, "steps"),
        ("12 steps", 12, "steps"),
        ("56ep", 56, "epochs"),
        ("0.5 epochs", 0.5, "epochs"),
        (7, 7, "steps"),
    ],
)
def test_what_can_be_written(text, amount, unit):
    duration = Duration.parse(text)
    assert duration == Duration(amount, unit)
    assert Duration.parse(str(duration)) == duration


@pytest.mark.parametrize("text", ["", "ep", "-3", "1e3", "3 days", "1.5", "nan", "5 ep och"])
def test_what_cannot(text):
    with pytest.raises(ValueError, match=r"is no duration|whole numbers"):
        Duration.parse(text)


def test_steps_are_counted_up():
    assert Duration(10).steps(7) == 10
    assert Duration(2, "epochs").steps(7) == 14
    assert Duration(0.5, "epochs").steps(7) == 4
    assert Duration(0).steps(7) == 0


@pytest.mark.parametrize("duration", [Duration(2_400_001), Duration(11.2, "epochs"), Duration(1e7, "epochs")])
def test_what_is_written_is_read(duration):
    assert Duration.parse(str(duration)) == duration


def test_impossible_durations_are_refused():
    for amount, unit in ((-1, "steps"), (float("inf"), "epochs"), (1, "days")):
        with pytest.raises(ValueError, match="a duration is a number of steps or epochs"):
            Duration(amount, unit)
