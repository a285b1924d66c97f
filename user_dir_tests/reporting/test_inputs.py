"""Kinds of RUN: names, kinds, logs that are found, and mistakes in one line."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from user_dir_tests.helpers.evaluation.reported import PIXEL, start, train, write_analysis, write_log, write_matrix
from user_dir_tests.helpers.evaluation.reported import write_result as write
from xl_plugins.errors import UserError
from xl_plugins.output import write_mark
from xl_plugins.reporting.analysis import MOST_NUMBERS, flatten, read_analysis
from xl_plugins.reporting.facts import duration, origins
from xl_plugins.reporting.inputs import Inputs, read_runs

SCORES = {"en": 80, "de": 60}


def test_kinds_are_told_apart_and_named_by_what_tells_them_apart(tmp_path: Path) -> None:
    one, two = write(tmp_path / "x" / "plain.json", SCORES, SCORES), write(tmp_path / "x" / "salt.json", SCORES)
    other = write(tmp_path / "y" / "plain.json", SCORES, task="other")
    matrix, folder = write_matrix(tmp_path / "m.json", ["de", "en"]), write_log(tmp_path / "run", start(), train(1, 1))
    found = read_runs([one, folder, two, matrix, other], None)
    assert [(item.system.name, len(item.system.results)) for item in found.scored][:2] == [("plain", 2), ("salt", 1)]
    assert found.scored[1].system.results[0].name == "salt", "notes name the system"
    assert [item.name for item in found.trained] == ["run"] and found.crossed[0].matrix.count == 100
    named = read_runs([one, folder, two, matrix, other], "A,A,B,A,A")
    assert [item.system.name for item in named.scored] == ["A", "B", "A"], "another task's may have the same name"
    assert (named.trained[0].name, named.crossed[0].name) == ("A", "A")


def test_results_of_one_name_are_seeds(tmp_path: Path) -> None:
    """Scored one by one or several at once; names of seeds are what tells their files apart."""
    paths = [write(tmp_path / "plain-1.json", SCORES), write(tmp_path / "plain-2.json", SCORES, SCORES)]
    other = write(tmp_path / "salt.json", SCORES)
    plain, salt = read_runs([paths[0], other, paths[1]], "A,B,A").scored
    assert [result.name for result in plain.system.results] == ["plain-1", "plain-2/s1", "plain-2/s2"]
    assert plain.paths == [paths[0], paths[1], paths[1]] and plain.system.name == "A"
    assert [result.name for result in salt.system.results] == ["B"]
    names = [origin.name for origin in origins(read_runs([paths[0], other, paths[1]], "A,B,A"), [])]
    assert names == ["A/plain-1", "A/plain-2/s1", "A/plain-2/s2", "B", "xl-report"]


def test_a_matrix_is_read_as_it_was_written(tmp_path: Path) -> None:
    matrix = read_runs([write_matrix(tmp_path / "m.json", ["de", "en", "sw"])], None).crossed[0].matrix
    assert matrix.accuracy.tolist() == [[50, 52, 54], [51, 53, 55], [52, 54, 56]]
    assert json.loads(matrix.to_json()) == json.loads((tmp_path / "m.json").read_text())


def test_the_log_beside_a_checkpoint_is_found(tmp_path: Path) -> None:
    folder = write_log(tmp_path / "run", start(), train(10, 1.0))
    path = write(tmp_path / "salt.json", SCORES, checkpoint=f"{folder}/checkpoint_best.pt")
    other = write(tmp_path / "plain.json", SCORES, checkpoint=f"{tmp_path}/gone/checkpoint_best.pt")
    assert [(run.name, run.path) for run in read_runs([path, other], None).trained] == [("salt", folder)]
    both = read_runs([path, folder, other], "S,run,P").trained
    assert [(run.name, run.path) for run in both] == [("run", folder)], "once, though it is given, too"


def test_a_broken_log_that_nobody_named_is_no_hindrance(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_log(tmp_path / "run", {"event": "train"}, train(1, 1.0))
    path = write(tmp_path / "salt.json", SCORES, checkpoint=f"{tmp_path}/run/checkpoint_best.pt")
    assert read_runs([path], None).trained == []
    assert re.fullmatch(r"xl-report: warning: without the learning curves of salt: .*log\.jsonl:1: expected .*\n",
                        capsys.readouterr().err)  # fmt: skip


def test_what_is_kept_of_a_run(tmp_path: Path) -> None:
    folder = write_log(tmp_path / "run", start(), train(40, 1.0), start(20), train(30, 0.5))
    (tmp_path / "run" / "xl_model.json").write_text('{"problem": "pairs", "labels": ["a", "b"]}')
    (tmp_path / "run" / "xl_model").mkdir()
    made_of = {"dict.txt": "ab12", "meta.json": {"dataset": "mine"}}
    write_mark(tmp_path / "run" / "xl_model", "fairseq-train", ["dict.txt"], made_of=made_of)
    origin, report = origins(read_runs([folder], None), ["run", "-o", "a b.html"])
    facts = dict(origin.facts)
    assert facts["SHA-256 of dict.txt"] == "ab12" and facts["data dataset"] == "mine"
    assert facts["xl_model.json labels"] == "a, b" and facts["versions: torch"] == "2.13.0" and facts["seed"] == "3"
    assert facts["resumed at update"] == "20 (reports made again: 1)"
    assert origin.line == "seed 3; updates 30, not ended (running, or interrupted); training took 35.0 s"
    assert origin.commands == ["xl-train data-bin/mine --lr 5e-6"]
    assert report.commands == ["xl-report run -o 'a b.html'"]


def test_facts_about_a_result(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "checksums.json").write_text("{}")
    path = write(tmp_path / "salt.json", SCORES, data=str(tmp_path / "data"), checkpoint="gone/checkpoint_best.pt")
    facts = dict(origins(read_runs([path], None), [])[0].facts)
    assert facts["selection: protocol"] == "source-dev" and facts["checkpoint"] == "gone/checkpoint_best.pt"
    empty = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert facts["SHA-256 of the data's checksums.json, now"] == empty and len(facts["SHA-256 of the file"]) == 64


@pytest.mark.parametrize(("seconds", "words"), [(8.44, "8.4 s"), (125, "2 min 05 s"), (3720, "1 h 02 min")])
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def spoilt(path: Path, **changes: object) -> str:
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, **changes}))
    return str(path)


@pytest.mark.parametrize(
    "changes",
    [{"selection": "x"}, {"selection": {"description": 3}}, {"inference": None}, {"task": ["x"]}, {"name": 3},
     {"selection": {"description": "x", "score": "high"}}, {"languages": {}, "format": 9}, {"metric": "none"}],
)  # fmt: skip
def test_a_spoilt_result(tmp_path: Path, changes: dict[str, object]) -> None:
    write(tmp_path / "a.json", SCORES)
    with pytest.raises(UserError, match=r"a\.json: not a result of xl-evaluate --json"):
        read_runs([spoilt(tmp_path / "a.json", **changes)], None)


@pytest.mark.parametrize(
    "changes",
    [{"languages": []}, {"languages": ["de", "de"]}, {"languages": ["de", "xx"]}, {"count": 3}, {"count": "a"},
     {"axes": ["x"]}, {"correct": {"de": {"de": 1.5, "en": 1}, "en": {"de": 1, "en": 1}}}, {"selection": []}],
)  # fmt: skip
def test_a_spoilt_matrix(tmp_path: Path, changes: dict[str, object]) -> None:
    write_matrix(tmp_path / "m.json", ["de", "en"])
    with pytest.raises(UserError, match=r"m\.json: not a matrix of xl-evaluate --generalised --json"):
        read_runs([spoilt(tmp_path / "m.json", **changes)], None)


def test_mistakes(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", SCORES)
    (tmp_path / "empty").mkdir()
    for runs, names, words in (
        ([str(tmp_path / "none")], None, "no such file or folder, or no plain file; give a result of"),
        ([str(tmp_path / "empty")], None, r"empty: holds no log.jsonl, xl_model.json or checkpoint; give a result"),
        ([path], "A,B", "--names A,B: 2 names for 1 runs"),
        ([path, path], None, "two columns would be called"),
        ([path, path], "A,A", r"a\.json: given twice as a seed of A; give different files"),
        ([path, write(tmp_path / "b.json", SCORES)], "A,", "two columns would be called ''"),
        ([write_matrix(tmp_path / "m.json", ["de"]), write_matrix(tmp_path / "n.json", ["de"])], "A,A", "called 'A'"),
    ):
        with pytest.raises(UserError, match=words):
            read_runs(runs, names)


def test_an_analysis(tmp_path: Path) -> None:
    found = read_analysis(write_analysis(tmp_path / "cka", a__png=PIXEL, b__svg=b"<?xml?><svg onload='x'></svg>"))
    assert (found.kind, found.checkpoint) == ("cka", "runs/a/checkpoint_best.pt")
    assert found.numbers == [("layers.1", "0.25"), ("mean", "0.5")]
    assert [(name, uri.partition(",")[0]) for name, uri in found.pictures] == [
        ("a", "data:image/png;base64"), ("b", "data:image/svg+xml;base64"),
    ]  # fmt: skip


def test_figures_of_languages_are_tables(tmp_path: Path) -> None:
    write_analysis(tmp_path / "x")
    one, two = {"score": 34.25, "ece": {"all": 0.27189}, "bins": [1, 2]}, {"score": 33, "wrong": 3}
    numbers = {"languages": {"de": one, "sw": two}, "mean": 33.6, "2": {"languages": {"de": {"cka": 0.5}}, "rho": 1},
               "errors": [{"row": 1}]}  # fmt: skip
    more = {"notes": ["few rows"], "commands": ["xl-analyze errors x"], "rows": 60}
    spoilt(tmp_path / "x" / "analysis.json", numbers=numbers, **more)
    found = read_analysis(str(tmp_path / "x"))
    assert [(table.title, table.header, table.rows) for table in found.tables] == [
        ("", ["score", "ece.all", "wrong"], [["de", "34.25", "0.2719", ""], ["sw", "33", "", "3"]]),
        ("2", ["cka"], [["de", "0.5"]]),
    ]
    assert found.numbers == [("mean", "33.6"), ("2.rho", "1")], "examples of errors are no numbers"
    assert (found.notes, found.commands) == (["few rows"], ["xl-analyze errors x"]) and ("rows", "60") in found.facts
    origin = origins(Inputs(), [], [found])[0]
    assert origin.kind == "analyses" and origin.commands == ["xl-analyze errors x"]


def test_numbers_of_an_analysis_are_limited(tmp_path: Path) -> None:
    write_analysis(tmp_path / "x")
    found = read_analysis(
        str(Path(spoilt(tmp_path / "x" / "analysis.json", numbers=dict.fromkeys(map(str, range(500)), 1))).parent)
    )
    assert len(found.numbers) == MOST_NUMBERS and found.more == 500 - MOST_NUMBERS


@pytest.mark.parametrize(
    "name", ["../secret.png", "/etc/passwd", "sub/a.png", "", "..", "gone.png", "a\0b.png", 3, None]
)
def test_a_picture_elsewhere_is_not_read(tmp_path: Path, name: object) -> None:
    (tmp_path / "secret.png").write_bytes(PIXEL)
    write_analysis(tmp_path / "x")
    spoilt(tmp_path / "x" / "analysis.json", pictures=[name])
    with pytest.raises(UserError, match="run xl-analyze again"):
        read_analysis(str(tmp_path / "x"))


def test_a_picture_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"a\.png: expected a PNG or an SVG"):
        read_analysis(write_analysis(tmp_path / "x", a__png=b"<html><script>"))
    write_analysis(tmp_path / "y")
    (tmp_path / "y" / "layers.png").unlink()
    (tmp_path / "y" / "layers.png").symlink_to("/etc/passwd")
    with pytest.raises(UserError, match="expected a plain file"):
        read_analysis(str(tmp_path / "y"))
    for content in ("[]", '{"kind": 3}', '{"kind": "x", "pictures": {}}'):
        (tmp_path / "y" / "analysis.json").write_text(content)
        with pytest.raises(UserError, match="expected an object with 'kind'"):
            read_analysis(str(tmp_path / "y"))


def test_nested_values_become_names_and_texts() -> None:
    nested = {"a": {"b": 1, "c": [1, 2.5]}, "d": [{"e": None}, {"e": True}], "f": "", "g": {}, "h": 1e-9}
    assert list(flatten(nested)) == [("a.b", "1"), ("a.c", "1, 2.5"), ("d[1].e", "yes"), ("h", "1e-09")]
