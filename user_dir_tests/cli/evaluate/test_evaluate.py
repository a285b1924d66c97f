"""xl-evaluate as users run it: files written, figures printed, mistakes answered in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from user_dir_tests.helpers.evaluation.checkpoints import save_checkpoint
from user_dir_tests.helpers.prepare.invented_xnli import LABELS
from user_dir_tests.helpers.toys.toy import make_data
from xl_plugins.cli.evaluate import EPILOG, main, make_parser
from xl_plugins.data.binary.layout import DataBin
from xl_plugins.errors import UserError
from xl_plugins.evaluation.report.packing import unpack


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    root = make_data(tmp_path_factory.mktemp("data") / "toy", test=20)
    (root / "meta.json").write_text(json.dumps({"dataset": "xnli", "languages": ["de", "en", "fr", "sw"]}))
    return root


@pytest.fixture(scope="module")
def runs(tmp_path_factory, data) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    for seed in (1, 2, 3):
        save_checkpoint(folder / f"s{seed}" / "checkpoint_best.pt", data, weights=seed, score=40.0 + seed, best=43.0)
    save_checkpoint(folder / "plain" / "checkpoint_best.pt", data, "xl_sentence_pair", select="source-dev")
    return folder


@pytest.fixture
def blind(tmp_path) -> Path:
    root = make_data(tmp_path / "blind", test=20)
    (root / "meta.json").write_text(json.dumps({"unlabelled": {lang: ["test"] for lang in ("en", "de", "fr")}}))
    return root


def run(*args: object) -> int:
    return main([str(arg) for arg in args])


def error(*args: object) -> str:
    with pytest.raises(UserError) as caught:
        run(*args)
    return str(caught.value)


def test_predictions_scores_and_json_agree(runs, data, tmp_path, capsys):
    out, file = tmp_path / "out", tmp_path / "r.json"
    assert run(data, "--path", runs / "s1/checkpoint_best.pt", "--output", out, "--json", file, "--format", "tsv") == 0
    printed = capsys.readouterr()
    table = dict(line.split("\t")[::2] for line in printed.out.splitlines()[1:])
    content = json.loads(file.read_text())
    assert sorted(p.relative_to(out).as_posix() for p in out.rglob("*.*")) == [
        "xnli/.xl_plugins.json", "xnli/test-de.tsv", "xnli/test-en.tsv", "xnli/test-fr.tsv",
    ]  # fmt: skip
    hits = {}
    for lang in ("en", "de", "fr"):
        predicted = (out / "xnli" / f"test-{lang}.tsv").read_text().split("\n")
        gold = [LABELS[i] for i in DataBin(data).open_labels(lang, "test")]
        assert predicted.pop() == "" and len(predicted) == 20
        hits[lang] = sum(p == g for p, g in zip(predicted, gold))
        rows = unpack(content["languages"][lang].pop("examples"))
        assert rows.tolist() == [[float(p == g), 1.0] for p, g in zip(predicted, gold)]
        assert content["languages"][lang] == {"accuracy": 5.0 * hits[lang], "correct": hits[lang], "count": 20}
        assert table[lang] == f"{5.0 * hits[lang]:.1f}"
    others = 5.0 * (hits["de"] + hits["fr"]) / 2
    assert content["mean"] == pytest.approx(5.0 * sum(hits.values()) / 3)
    assert content["mean_without_source"] == pytest.approx(others)
    assert content["transfer_gap"] == pytest.approx(5.0 * hits["en"] - others)
    assert content["missing"] == ["sw"] and content["unlabelled"] == []
    made = content["training"]
    assert made["seed"] == 1 and made["data_sha256"].keys() == set(made["languages"]) and "torch" in made["versions"]
    assert content["checkpoint"].endswith("s1/checkpoint_best.pt") and content["inference"]["mode"] == "mixup"
    assert content["selection"]["protocol"] == "mean-dev" and content["selection"]["languages"] == ["de", "en", "fr"]
    assert "warning: no score for sw: left out of the mean" in printed.err


def test_files_written_score_the_same_when_read_back(runs, data, tmp_path, capsys):
    out, gold = tmp_path / "out", tmp_path / "gold"
    gold.mkdir()
    for lang in ("en", "de", "fr"):
        rows = [LABELS[i] for i in DataBin(data).open_labels(lang, "test")]
        (gold / f"test-{lang}.tsv").write_text("".join(f"a\tb\t{row}\n" for row in rows))
    run(data, "--path", runs / "plain/checkpoint_best.pt", "--output", out, "--format", "tsv")
    first = capsys.readouterr().out
    run("--predictions", out, "--labels", gold, "--format", "tsv")
    assert capsys.readouterr().out == first


def test_seeds_have_a_column_each_and_a_folder_each(runs, data, tmp_path, capsys):
    paths = [runs / f"s{seed}" / "checkpoint_best.pt" for seed in (1, 2, 3)]
    file = tmp_path / "seeds.json"
    run(data, "--path", *paths, "--output", tmp_path / "out", "--json", file, "--format", "tsv")
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["language", "s1", "s2", "s3", "mean", "sd"]
    seeds = json.loads(file.read_text())["seeds"]
    by_language = {lang: [s["languages"][lang]["accuracy"] for s in seeds] for lang in ("en", "de", "fr")}
    row, (lang, scores) = next(r for r in enumerate(by_language.items(), 1) if len(set(r[1][1])) > 1)
    mean = sum(scores) / 3
    deviation = (sum((x - mean) ** 2 for x in scores) / 2) ** 0.5
    assert lines[row] == [lang, *(f"{x:.1f}" for x in [*scores, mean, deviation])]
    assert (tmp_path / "out" / "s2" / "xnli" / "test-de.tsv").exists()
    run("--compare", file, file, "--names", "a,b", "--format", "tsv")
    assert capsys.readouterr().out.splitlines()[row] == "\t".join([lang, *[f"{mean:.1f} ± {deviation:.1f}"] * 2])


def test_the_table_says_how_the_checkpoint_was_selected_and_used(runs, data, capsys):
    run(data, "--path", runs / "s1/checkpoint_best.pt", "--inference-average", "logit")
    printed = capsys.readouterr().out
    assert "selection: mean-dev over de, en, fr; dev score 41.0\n" in printed
    assert "s1 is not the best checkpoint of its run (dev score 41.0, best 43.0)\n" in printed
    assert "inference: target text and its translation, mean of their logits\n" in printed
    run(data, "--path", runs / "plain/checkpoint_best.pt")
    assert "selection: source-dev over en; dev score 50.0\n" in capsys.readouterr().out


def test_no_mixup_inference_needs_no_translations_and_changes_predictions(runs, data, tmp_path, capsys):
    bare = make_data(tmp_path / "bare", test=20, translate=False)
    path = runs / "s2/checkpoint_best.pt"
    assert "mixup inference needs the test text of language 'de'" in error(bare, "--path", path)
    run(bare, "--path", path, "--no-mixup-inference", "--output", tmp_path / "a", "--task", "xnli")
    assert "inference: target text alone, without mixup" in capsys.readouterr().out
    run(data, "--path", path, "--output", tmp_path / "b")
    a, b = ((tmp_path / x / "xnli" / "test-de.tsv").read_text() for x in "ab")
    assert a != b


def test_languages_and_split(runs, data, tmp_path, capsys):
    path = runs / "plain/checkpoint_best.pt"
    run(data, "--path", path, "--languages", "fr", "--split", "valid", "--output", tmp_path, "--format", "tsv")
    printed = capsys.readouterr()
    assert [line.split("\t")[:2] for line in printed.out.splitlines()[1:3]] == [["fr", "10"], ["mean", "10"]]
    assert printed.out.splitlines()[-1].endswith("\t-") and "warning" not in printed.err
    assert (tmp_path / "xnli" / "dev-fr.tsv").exists()
    assert "no test data for sw; it has de, en, fr" in error(data, "--path", path, "--languages", "sw")


def test_batches_do_not_change_the_files(runs, data, tmp_path):
    for name, option in (("a", ["--batch-size", 1]), ("b", ["--max-tokens", 150])):
        run(data, "--path", runs / "s3/checkpoint_best.pt", "--output", tmp_path / name, *option)
    for lang in ("en", "de", "fr"):
        one, two = ((tmp_path / x / "xnli" / f"test-{lang}.tsv").read_text() for x in "ab")
        assert one == two


def test_unlabelled_splits_are_predicted_but_not_scored(runs, blind, tmp_path, capsys):
    path = runs / "plain/checkpoint_best.pt"
    message = error(blind, "--path", path)
    assert "no gold labels in test of en, de, fr, so nothing can be scored; pass --output" in message
    assert run(blind, "--path", path, "--output", tmp_path / "out", "--json", tmp_path / "r.json") == 0
    printed = capsys.readouterr()
    assert printed.out == "" and "not scored, since their test data has no gold labels: en, de, fr" in printed.err
    assert len((tmp_path / "out" / "blind" / "test-de.tsv").read_text().splitlines()) == 20
    content = json.loads((tmp_path / "r.json").read_text())
    assert content["languages"] == {} and content["mean"] is None and content["unlabelled"] == ["en", "de", "fr"]


def test_existing_output_is_kept_unless_told(runs, data, tmp_path):
    path = runs / "plain/checkpoint_best.pt"
    target = tmp_path / "xnli" / "test-fr.tsv"
    target.parent.mkdir()
    target.write_text("mine\n")
    assert "test-fr.tsv exists; pass --overwrite" in error(data, "--path", path, "--output", tmp_path)
    assert target.read_text() == "mine\n" and list(target.parent.iterdir()) == [target]
    (tmp_path / "r.json").write_text("{}")
    assert "r.json exists" in error(data, "--path", path, "--json", tmp_path / "r.json")
    told = error(data, "--path", path, "--output", tmp_path, "--overwrite")
    assert "test-fr.tsv: xl-evaluate did not make it" in told and target.read_text() == "mine\n"
    assert "r.json: xl-evaluate did not make it" in error(
        data, "--path", path, "--json", tmp_path / "r.json", "--overwrite"
    )
    assert (tmp_path / "r.json").read_text() == "{}"
    target.unlink(), (tmp_path / "r.json").unlink()
    for overwrite in ([], ["--overwrite"]):  # its own
        run(data, "--path", path, "--output", tmp_path, "--json", tmp_path / "r.json", *overwrite)
    assert len(target.read_text().splitlines()) == 20


def test_p_values_of_checkpoints(runs, data, tmp_path, capsys):
    """From the command's own files: a system against itself is no difference, and the draw can be repeated."""
    for seed in (1, 2):
        path = runs / f"s{seed}" / "checkpoint_best.pt"
        run(data, "--path", path, "--json", tmp_path / f"s{seed}.json", "--format", "tsv")
    capsys.readouterr()
    files = [tmp_path / "s1.json", tmp_path / "s2.json"]
    tables = []
    for options in (["--resamples", 500], ["--resamples", 500], ["--resamples", 500, "--seed", 9]):
        run("--compare", *files, "--significance", *options, "--format", "tsv")
        tables.append(capsys.readouterr().out)
    assert tables[0] == tables[1] and tables[0].splitlines()[0] == "language\ts1\ts2\tp"
    values = [line.split("\t")[3] for line in tables[0].splitlines()[1:5]]
    assert all(0 < float(value.lstrip("<")) <= 1 for value in values) and tables[0] != tables[2]
    run("--compare", files[0], files[0], "--names", "a,b", "--significance", "--resamples", 200)
    printed = capsys.readouterr().out
    assert printed.count("1.000") == 4
    assert "p: two-sided paired bootstrap against a, 200 resamples of the examples, the same rows in every" in printed


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--path", "c.pt"], "--path needs DATA"),
        (["--predictions", "x"], "--predictions needs --labels"),
        (["--compare", "r.json", "--fp16"], "--fp16 is not read with --compare"),
        (["DATA", "--compare", "r.json"], "DATA is not read with --compare"),
        (["DATA", "--path", "c.pt", "--labels", "x"], "--labels is not read with --path"),
        (["--predictions", "x", "--labels", "x", "--output", "y"], "--output is not read with --predictions"),
        (["DATA", "--path", "c.pt", "--batch-size", "0"], "--batch-size 0: expected at least 1"),
        (["DATA", "--path", "c.pt", "--languages", "DE"], "--languages: 'DE' is not a language code"),
        (["DATA", "--path", "c.pt", "--no-mixup-inference", "--inference-average", "prob"], "has no effect with"),
        (["DATA", "--path", "c.pt", "c.pt"], "two columns would be called"),
        (["DATA", "--path", "c.pt"], "--path c.pt: no such file"),
        (["DATA", "--path", "c.pt", "--significance"], "--significance is not read with --path"),
        (["--compare", "r.json", "--layer", "0"], "--layer is not read with --compare"),
        (["--compare", "r.json", "--no-mixup-inference"], "--mixup-inference is not read with --compare"),
        (["--compare", "r.json", "--ensemble"], "--ensemble is not read with --compare"),
        (["--compare", "r.json", "--no-joint-rows"], "--joint-rows is read with --significance only"),
        (["--compare", "r.json", "--seed", "3"], "--seed is read with --significance only"),
        (["--overall", "r.json", "--names", "x"], "--names is not read with --overall"),
        (["DATA", "--path", "c.pt", "--metric", "qa"], "--metric is not read with --path"),
    ],
)
def test_options_that_make_no_sense(args, message):
    assert message in error(*args)


def test_the_command_itself(run_cli, runs, data, tmp_path):
    """A fresh process: a table, no noise on standard error; a mistake: status 2, one line, nothing written."""
    done = run_cli("evaluate", data, "--path", runs / "plain/checkpoint_best.pt", "--languages", "en,de,fr")
    assert done.code == 0 and "transfer gap (en - others)" in done.out and done.err == ""
    (tmp_path / "cut.pt").write_bytes((runs / "plain/checkpoint_best.pt").read_bytes()[:9999])
    done = run_cli("evaluate", data, "--path", tmp_path / "cut.pt", "--output", tmp_path / "out")
    assert done.code == 2 and done.out == "" and done.err.count("\n") == 1
    assert done.err.startswith("xl-evaluate: error: ") and "cut.pt: cannot be read as a checkpoint" in done.err
    assert not (tmp_path / "out").exists()


def test_every_example_of_the_help_is_a_command():
    examples = [line.split()[1:] for line in EPILOG.splitlines() if line.strip().startswith("xl-evaluate ")]
    assert len(examples) >= 12
    for words in examples:
        make_parser().parse_args(words)


def test_help_shows_complete_examples(capsys):
    with pytest.raises(SystemExit) as caught:
        run("--help")
    assert caught.value.code == 0
    assert (
        "xl-evaluate data-bin/xnli --path runs/xmixup/checkpoint_best.pt --output predictions"
        in capsys.readouterr().out
    )
