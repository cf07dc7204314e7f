"""Every command of a page is understood by the program that it calls; values in capitals stand for the reader's own."""

import argparse
import importlib
import re
import shlex

import pytest
from project_texts import ROOT, commands_of, pages

from cca_jax.cli.main import main as cca_jax_main
from train.recipe.options import config_of

_CONFIGURATIONS = re.compile(r"python -m train ")


class UnderstoodError(BaseException):
    """The arguments were parsed; nothing is to be done with them."""

    def __init__(self, options):
        super().__init__()
        self.options = options


@pytest.fixture
def understand(monkeypatch):
    """A function from a command line to its parsed options; the command itself is not run."""
    parse = argparse.ArgumentParser.parse_args

    def parse_and_stop(parser, *arguments, **more):
        raise UnderstoodError(parse(parser, *arguments, **more))

    def run(command):
        words = shlex.split(command)
        if words[0] == "cca-jax":
            return lambda: cca_jax_main(words[1:])
        if words[:2] == ["python", "-m"]:
            module = importlib.import_module(words[2])
            if hasattr(module, "__path__"):
                module = importlib.import_module(f"{words[2]}.__main__")
            return lambda: module.main(words[3:])
        return None

    def understand(command):
        program = run(command)
        if program is None:
            return None
        with monkeypatch.context() as patch:
            patch.setattr(argparse.ArgumentParser, "parse_args", parse_and_stop)
            with pytest.raises(UnderstoodError) as understood:
                program()
        return understood.value.options

    return understand


def is_ours(command):
    return re.match(r"(cca-jax [a-z]|python -m (train|eval|bench)\b[\w.]*( |$))", command) is not None


def is_a_name(command):
    """Whether the command is named, without arguments; that it exists is all that can be asked."""
    return len(command.split()) == (2 if command.startswith("cca-jax") else 3) and command != "cca-jax models"


def targets():
    return re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.M)


def completed(command):
    """With the arguments that a page leaves to its context, and with a number for each K or N that stands for one."""
    command = re.sub(r"(?<= )[A-Z](?= |$)", "1", command)
    if re.match(r"python -m train( |$)", command):
        for flag, value in (("--data", "PHOTOS"), ("--out", "RUN")):
            command += "" if f"{flag} " in command else f" {flag} {value}"
    return command


def test_commands_are_understood(page, understand, capsys):
    for command in filter(is_ours, commands_of(page)):
        if is_a_name(command) or command.endswith("--help"):
            with pytest.raises(SystemExit) as left:
                understand(f"{command.removesuffix(' --help')} --help")
            assert left.value.code == 0, command
            continue
        try:
            options = understand(completed(command))
        except SystemExit:
            pytest.fail(f"{command}: {capsys.readouterr().err}")
        if _CONFIGURATIONS.match(command):
            config_of(options)


def test_make_targets_exist(page):
    for command in commands_of(page):
        if match := re.match(r"make ([a-z][a-z-]*)$|make ([a-z-]+) [A-Z]", command):
            assert (match[1] or match[2]) in targets(), command


def test_the_flags_of_the_reference_dump_exist(page):
    source = (ROOT / "eval" / "dump_reference.py").read_text()
    for command in commands_of(page):
        if "dump_reference.py --" in command:
            for flag in re.findall(r"--[a-z-]+", command):
                assert f'"{flag}"' in source, command


def test_there_are_commands():
    commands = [command for page in pages() for command in commands_of(page) if is_ours(command)]
    assert len(commands) > 30


@pytest.mark.parametrize("command", ["python -m train --stpes 3", "cca-jax compress", "python -m bench --sizes big"])
def test_other_commands_are_refused(understand, command):
    with pytest.raises(SystemExit):
        understand(command)
