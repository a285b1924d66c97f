"""Additions to ``fairseq-train``: defaults that follow from the task and the encoder, and rules for restoring.

Both use fairseq's own entry points: ``options.parse_args_and_arch`` takes a function that may set defaults before
each parse, and ``checkpoint_utils.load_checkpoint`` is called once with the checkpoint options. Other tasks are left
alone.
"""

from __future__ import annotations

import argparse
import functools
import sys
from collections.abc import Callable
from typing import Any

from fairseq import checkpoint_utils, options

from .compat.bf16_flag import bf16_without_tpu
from .defaults import given_options, start_options, task_defaults
from .errors import UserError
from .logs.quiet import set_quiet
from .resuming.restore import with_restore_rules
from .starting.encoder_shape import follow_encoder, starting_point
from .starting.task_names import spell_out


def install() -> None:
    """Wrap fairseq's two entry points once."""
    if not getattr(options.parse_args_and_arch, "_xl_plugins", False):
        options.parse_args_and_arch = _with_task_defaults(options.parse_args_and_arch)
    if not getattr(checkpoint_utils.load_checkpoint, "_xl_plugins", False):
        checkpoint_utils.load_checkpoint = with_restore_rules(checkpoint_utils.load_checkpoint)
        checkpoint_utils.load_checkpoint._xl_plugins = True


def _with_task_defaults(parse: Callable) -> Callable:
    @functools.wraps(parse)
    def parse_args_and_arch(
        parser: Any, input_args: Any = None, *args: Any, modify_parser: Any = None, **kwargs: Any
    ) -> Any:
        input_args = spell_out(sys.argv[1:] if input_args is None else input_args)
        given = given_options(input_args)
        defaults = task_defaults(given)
        set_quiet(bool(defaults) and "--verbose" not in input_args)
        if defaults:
            defaults |= follow_encoder(starting_point(*start_options(vars(given).get)))
        parses: list[argparse.ArgumentParser] = []

        def modify(p: argparse.ArgumentParser) -> None:
            if modify_parser is not None:
                modify_parser(p)
            _say_which_list(p)
            p.set_defaults(**defaults)  # fairseq calls this before each of its two parses
            parses.append(p)
            _hold_help(p) if len(parses) == 1 else _release_help(p)

        try:
            parsed = parse(parser, input_args, *args, modify_parser=modify if defaults else modify_parser, **kwargs)
            return bf16_without_tpu(parsed, input_args)
        except ValueError as error:
            if not defaults or "--fp16" not in str(error):
                raise
            raise UserError("--fp16 and --bf16: a run has one precision; leave out one of them") from None

    parse_args_and_arch._xl_plugins = True  # type: ignore[attr-defined]
    return parse_args_and_arch


def _say_which_list(parser: argparse.ArgumentParser) -> None:
    """fairseq evaluates lists (``--lr``, ``--update-freq``) as Python, and lets the interpreter speak of mistakes."""
    for action in parser._actions:
        if getattr(action.type, "__name__", "") == "<lambda>":
            action.type = _named(action.option_strings[-1], action.type)


def _named(option: str, read: Any) -> Callable[[str], Any]:
    def read_list(text: str) -> Any:
        try:
            return read(text)
        except Exception:
            raise UserError(f"{option} {text}: expected a number, or several separated by commas") from None

    return read_list


def _hold_help(parser: argparse.ArgumentParser) -> None:
    """Keep ``--help`` from ending the first parse, before the options of task, model and criterion are known."""

    def leave(status: int = 0, message: str | None = None) -> None:
        if status:
            argparse.ArgumentParser.exit(parser, status, message)

    parser.exit, parser.print_help = leave, lambda file=None: None  # type: ignore[method-assign,assignment]


def _release_help(parser: argparse.ArgumentParser) -> None:
    for name in ("exit", "print_help"):
        vars(parser).pop(name, None)
