"""The pages of the command line, made of the parsers themselves."""

from __future__ import annotations

import argparse
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FAMILIES = {
    "cca-jax": ("cca-jax", "The commands that come with the package. `pip install .` installs them."),
    "train": ("python -m train", "Training, from a checkout, with the extra `[train]`."),
    "eval": ("python -m eval", "Evaluation, from a checkout, with the extras `[tensorflow,train,eval]`."),
    "bench": ("python -m bench", "Times and memory on this machine, from a checkout."),
}
_INTERNAL = {"python -m eval.portability.probe", "python -m bench.training"}
"""Processes that other commands start."""
_LONG_USAGE = 5
"""Lines of a usage that lists all options."""


class _ParsedError(Exception):
    """Carries the parser of a program out of it."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        super().__init__()
        self.parser = parser


def command_pages() -> dict[str, str]:
    """The pages by their names: one for each family of programs."""
    pages = {}
    for family, (title, text) in _FAMILIES.items():
        sections = [_section(parser) for program in programs(family) for parser in _with_subcommands(program)]
        pages[f"commands/{family}.md"] = "\n\n".join([f"# {title}", text, *sections]) + "\n"
    return pages


def programs(family: str) -> list[str]:
    """The programs of a family, as one calls them: each that its modules name as the `prog` of a parser."""
    if family == "cca-jax":
        return ["cca-jax"]
    sources = "".join(path.read_text() for path in sorted((ROOT / family).rglob("*.py")))
    return sorted(set(re.findall(r'prog="(python -m [\w.]+)"', sources)) - _INTERNAL)


def parser_of(program: str) -> argparse.ArgumentParser:
    """The parser of a program, taken from it when it is about to parse."""
    name = "cca_jax.cli.main" if program == "cca-jax" else program.removeprefix("python -m ")
    module = importlib.import_module(name)
    if hasattr(module, "__path__"):
        module = importlib.import_module(f"{name}.__main__")
    parse = argparse.ArgumentParser.parse_args

    def stop(parser: argparse.ArgumentParser, *_: object, **__: object) -> None:
        raise _ParsedError(parser)

    argparse.ArgumentParser.parse_args = stop  # type: ignore[assignment]
    try:
        module.main([])
    except _ParsedError as reached:
        return reached.parser
    finally:
        argparse.ArgumentParser.parse_args = parse  # type: ignore[method-assign]
    raise AssertionError(f"{program} parsed nothing")


def _with_subcommands(program: str) -> Iterator[argparse.ArgumentParser]:
    parser = parser_of(program)
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.values()


def _section(parser: argparse.ArgumentParser) -> str:
    parts = [f"## {parser.prog}", *_paragraphs(parser.description), f"```text\n{_usage(parser)}\n```"]
    for group in parser._action_groups:
        shown = [action for action in group._group_actions if _is_shown(action)]
        if shown:
            parts.append(f"**{(group.title or 'options').capitalize()}**")
            parts += [_definition(parser, action) for action in shown]
    return "\n\n".join([*parts, *_paragraphs(parser.epilog)])


def _usage(parser: argparse.ArgumentParser) -> str:
    """How one calls it; where there are many options, these are left to the list below."""
    usage = parser.format_usage().removeprefix("usage: ").strip()
    if usage.count("\n") < _LONG_USAGE:
        return usage
    formatter = parser._get_formatter()
    needed = [action for action in parser._actions if action.option_strings and action.required]
    places = [action for action in parser._actions if not action.option_strings]
    words = [[_invocation(action, formatter) for action in actions] for actions in (needed, places)]
    return " ".join([parser.prog, *words[0], "[OPTION …]", *words[1]])


def _is_shown(action: argparse.Action) -> bool:
    hidden = action.help == argparse.SUPPRESS or isinstance(action, argparse._HelpAction)
    return not hidden and not isinstance(action, argparse._SubParsersAction)


def _definition(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    formatter = parser._get_formatter()
    invocation = _invocation(action, formatter)
    text = _escaped(formatter._expand_help(action)) if action.help else "—"
    return f"`{invocation}`\n:   {text}"


def _invocation(action: argparse.Action, formatter: argparse.HelpFormatter) -> str:
    if action.option_strings:
        return formatter._format_action_invocation(action)
    return formatter._format_args(action, formatter._get_default_metavar_for_positional(action))


def _paragraphs(text: str | None) -> list[str]:
    """The paragraphs of a parser's text; tables in it, whose lines are indented, stay as they are."""
    blocks = re.split(r"\n\s*\n", (text or "").strip())
    return [_verbatim(block) if re.search(r"^ {2}", block, re.M) else _escaped(block) for block in blocks if block]


def _verbatim(block: str) -> str:
    return f"```text\n{block}\n```"


def _escaped(text: str) -> str:
    return re.sub(r"([*_<\[|])", r"\\\1", text) if "`" not in text else text
