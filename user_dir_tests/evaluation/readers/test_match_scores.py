"""Prediction folders of retrieval: scores worked by hand, and what is refused."""

from __future__ import annotations

from user_dir_tests.helpers.evaluation.predictions import error, score, write


def test_xtremes_folder_of_bucc_under_both_names(tmp_path):
    write(tmp_path / "gold" / "test-de.tsv", "de-1\ten-4\n")
    write(tmp_path / "old" / "bucc" / "test-de.tsv", "de-1\ten-4\n")
    write(tmp_path / "new" / "bucc2018" / "test-de.tsv", "de-1\ten-4\n")
    for folder, task in (("new", "bucc2018"), ("new", "bucc"), ("old", "bucc2018"), ("old", "bucc")):
        result = score((tmp_path / folder, tmp_path / "gold"), task)
        assert (result.task, result.metric.name, result.scores) == ("bucc2018", "set_f1", {"de": 100.0})


def test_indices_of_tatoeba_that_no_gold_row_has_are_wrong(tmp_path, caplog):
    """XTREME's mock: one number per line."""
    write(tmp_path / "gold" / "tatoeba" / "test-ar.tsv", "3\n0\n1\n")
    write(tmp_path / "pred" / "tatoeba" / "test-ar.tsv", "3\n2\n1\n")
    assert score((tmp_path / "pred", tmp_path / "gold"), "tatoeba").counts == {"ar": (2, 3)}
    assert "predicts 2, which no row of " in caplog.text and "counted as wrong" in caplog.text


def test_pairs_of_sentences(tmp_path):
    write(tmp_path / "gold" / "test-de.tsv", "de-1\ten-4\nde-2\ten-5\nde-3\ten-6\n")
    write(tmp_path / "pred" / "bucc" / "test-de.tsv", "de-1\ten-4\nde-1\ten-4\nde-2\ten-9\n")
    result = score((tmp_path / "pred", tmp_path / "gold"), "bucc")
    assert result.counts == {"de": (3, 2, 1)} and result.scores == {"de": 40.0}
    write(tmp_path / "pred" / "bucc" / "test-de.tsv", "de-1 en-4\n")
    assert "test-de.tsv:1: 1 columns, expected 2" in error((tmp_path / "pred", tmp_path / "gold"), "bucc")
