"""The study's table of runs: names, order, commands that exist, at both scales and for both kinds of vocabulary."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fairseq import options as fairseq_options

from xl_plugins.cli import augment, convert, evaluate, prepare, xtune
from xl_plugins.cli.train import with_plugin
from xl_plugins.errors import UserError


@pytest.mark.parametrize("scale", ["small", "paper"])
def test_the_table_of_runs(modules: Any, scale: str) -> None:
    """Names are unique, every step's inputs are steps, seeds come last, the paper's scale sets no hyper-parameter."""
    setting = modules["training"].Setting(("--encoder-layers", "12"), scale, ("--bf16",))
    runs = modules["table"].runs(setting, seeds=3)
    order = list(modules["steps"].in_order(runs))
    assert len({step.name for step in order}) == len(order) == len({step.digest for step in order})
    names = [run.label for run in runs]
    assert len(set(names)) == len(names) and names.index("sick/zero-shot-2") > names.index("udpos/zero-shot-1")
    for step in order:
        for words in step.commands:
            assert (
                not any(word.startswith("--lr") for word in words) or scale == "small" or step.name.startswith("mini")
            )
            computes = words[0] in ("xl-train", "xl-xtune", "xl-evaluate", "xl-augment")
            assert words.count("--bf16") == int(computes and "xla_cotrain_task" not in words)
            assert ("--xla-autocast bf16" in " ".join(words)) == ("xla_cotrain_task" in words)
            made = {f"$WORK/{other.name}" for other in step.after} | {f"$WORK/{step.name}"}
            used = {word for word in words if word.startswith("$WORK")}
            assert all(any(word == name or word.startswith((f"{name}/", f"{name}.")) for name in made) for word in used)


@pytest.mark.parametrize("scale", ["small", "paper"])
def test_every_command_of_the_table_has_options_that_exist(modules: Any, scale: str) -> None:
    """A run that would stop at its first line is found here; what files hold is not looked at."""
    setting = modules["training"].Setting(("--encoder-layers", "12"), scale, ("--bf16",))
    steps = modules["steps"].in_order(modules["table"].runs(setting, seeds=2))
    parsers = {
        f"xl-{module.__name__.split('.')[-1]}": module.make_parser() for module in (augment, convert, evaluate, prepare)
    }
    checked = set()
    for words in (words for step in steps for words in step.commands):
        name, given = words[0], list(words[1:])
        if name == "xl-xtune":
            args, further = xtune.parse(given)
            for stage in xtune.STAGES:
                training_options(xtune.stage_words(args, stage, further))
        elif name == "xl-train":
            training_options(with_plugin(given))
        elif name != "python":
            parsers[name].parse_args(given)
        checked.add(name)
    assert checked == {"python", "xl-train", "xl-xtune", *parsers}


def training_options(words: list[str]) -> None:
    """Parse them as fairseq-train does."""
    fairseq_options.parse_args_and_arch(fairseq_options.get_training_parser(), input_args=words)


def test_without_a_choice_everything_but_searches_and_the_trial_is_made(modules: Any) -> None:
    """The parallel test sets of a data set too."""
    runs = modules["table"].runs(modules["training"].Setting(("--encoder-layers", "12")))
    chosen = {step.dataset for step in modules["run"].choose(runs, None)}
    assert chosen == {run.dataset for run in runs} - {"mini"} and {"pud", "uner", "mlqa", "xquad-parallel"} <= chosen
    assert not any(step.system.startswith("search-") for step in modules["run"].choose(runs, None))


def test_a_wordpiece_encoder(modules: Any) -> None:
    """Its tokenizer's file is given everywhere, and nothing that samples pieces is in the table."""
    wordpiece = modules["training"].WORDPIECE
    runs = modules["table"].runs(modules["training"].Setting((), tokenizer=wordpiece))
    commands = [words for step in modules["steps"].in_order(runs) for words in step.commands]
    given = [words[words.index("--spm") + 1] for words in commands if "--spm" in words]
    assert given and all(name.endswith(f"/{wordpiece}") for name in given)
    assert not any("--sampling" in words or "ss" in words for words in commands)
    names = {run.label for run in runs}
    assert {"sick/xtune-mt2-1", "panx/xmixup-plain-inference-1", "xquad/xtune2-1"} <= names
    assert not {"panx/xtune2-1", "sick/salt-1", "sick/xmixup-xtune-1"} & names


def test_the_tokenizer_of_a_folder(modules: Any, tmp_path: Path) -> None:
    find = modules["training"].tokenizer_file
    with pytest.raises(UserError, match=r"has neither sentencepiece\.bpe\.model nor tokenizer\.json"):
        find(tmp_path)
    for name in ("tokenizer.json", "sentencepiece.bpe.model"):  # the second wins
        (tmp_path / name).touch()
        assert find(tmp_path) == name
