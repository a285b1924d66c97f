"""``xl-analyze similarity``: from parallel texts and an encoder to numbers, tables and pictures."""

from __future__ import annotations

import argparse
import sys
from typing import Any

import numpy as np
from tqdm import tqdm

from ...errors import UserError
from ...evaluation.options import batch_limits
from ...evaluation.retrieval.encode import SentenceEncoder, load_sentence_encoder
from ...evaluation.retrieval.scores import BATCH, MAX_LENGTH
from ...output import Staging
from ...terminal import say
from ..folder import Analysis
from ..pictures import charts
from ..pictures.style import check_available
from ..scores import Scores, correlate
from . import project
from .measure import Measured, measure, parse_layers
from .texts import ParallelTexts, of_data, of_files, parse_files

COMMAND = "xl-analyze similarity"


def run(args: argparse.Namespace, command: str) -> int:
    """The command on parsed arguments; returns the exit status."""
    check_available()
    if not args.data and not args.text:
        raise UserError("DATA or --text is needed: a data folder with row-parallel texts, or files LANGUAGE=FILE")
    files = parse_files(args.text or [])
    inputs = [args.path, args.data, args.scores, *files.values()]
    with Staging(args.out, COMMAND, "--out", args.overwrite, inputs) as staging:
        scores = Scores(args.scores) if args.scores else None
        texts = _texts(args, files)
        encoder, main, layers = _encoder(args, texts)
        found = _measure(args, encoder, texts, layers, main)
        analysis = Analysis(
            "similarity", command, checkpoint=args.path, texts=texts.origin, source_language=texts.source,
            languages=texts.languages, rows=len(texts), layer=main, layers=layers, pooling=encoder.pooling,
            seconds=found.seconds,
        )  # fmt: skip
        if len(texts) <= 2 * encoder.width:
            note = (
                f"{len(texts)} rows for vectors of {encoder.width} numbers: CKA is large whatever the texts mean;"
                " compare it only between analyses of as many rows, or give more"
            )
            analysis.notes.append(note)
            say(f"xl-analyze: warning: {note}", file=sys.stderr)
        _numbers(analysis, found, scores)
        _pictures(analysis, found, main, args, scores)
        analysis.write(staging)
    _print(found, main, analysis, args.out)
    return 0


def _texts(args: argparse.Namespace, files: dict[str, str]) -> ParallelTexts:
    if not files:
        return of_data(args.data, args.split or "test", args.field or "input0", args.source_language, args.languages)
    for option in ("split", "field", "languages"):
        if getattr(args, option):
            raise UserError(f"--{option} is not read with --text, which names the files; leave it out")
    tell = lambda text: say(f"xl-analyze: warning: {text}", file=sys.stderr)  # noqa: E731
    return of_files(files, args.source_language, args.data, args.path, tell)


def _encoder(args: argparse.Namespace, texts: ParallelTexts) -> tuple[SentenceEncoder, int, list[int]]:
    """The encoder up to the highest layer that is measured, the main layer, and all layers."""
    precision = "fp16" if args.fp16 else "bf16" if args.bf16 else "fp32"
    made = load_sentence_encoder(
        args.path, texts.dictionary, args.layer, args.pooling, MAX_LENGTH, args.device, precision, bool(args.layers)
    )
    return made, made.layer, parse_layers(args.layers, made.layer, made.depth)


def _measure(
    args: argparse.Namespace, encoder: SentenceEncoder, texts: ParallelTexts, layers: list[int], main: int
) -> Measured:
    limits = batch_limits(args)
    if not (args.batch_size or args.max_tokens):
        limits.update(BATCH)
    total = len(texts) * len(texts.languages)
    with tqdm(total=total, desc="encoding", unit="sentence", disable=None, leave=False) as bar:
        return measure(encoder, texts, layers, main, args.matrix, args.sample, progress=bar.update, **limits)


def _numbers(analysis: Analysis, found: Measured, scores: Scores | None) -> None:
    rows: list[list[Any]] = []
    for layer in found.layers:
        moments, retrieval, cka = found.moments[layer], found.retrieval(layer), found.cka(layer)
        languages: dict[str, Any] = {}
        for place, language in enumerate(found.languages[1:], 1):
            into, back = retrieval[language]
            languages[language] = {
                "cka": cka[language], "centroid_distance": moments.centroid_distance(0, place),
                "spread": moments.spread(place), "retrieval_into_source": into, "retrieval_from_source": back,
            }  # fmt: skip
            distance = languages[language]["centroid_distance"]
            rows.append([layer, language, cka[language], *distance.values(), moments.spread(place), into, back])
        entry: dict[str, Any] = {"languages": languages, "mean_cka": float(np.mean(list(cka.values())))}
        entry["source_spread"] = moments.spread(0)
        if scores:
            entry["cka_and_score"] = correlate(cka, scores.scores, scores.source)
        analysis.numbers[str(layer)] = entry
    analysis.add_table(
        "similarity",
        ["layer", "language", "cka", "centroid_euclidean", "centroid_cosine", "centroid_relative", "spread",
         "retrieval_into_source_percent", "retrieval_from_source_percent"], rows,
    )  # fmt: skip
    if scores:
        analysis.facts["scores"] = {"file": scores.path, "metric": scores.metric, "languages": scores.scores}


def _pictures(
    analysis: Analysis, found: Measured, main: int, args: argparse.Namespace, scores: Scores | None
) -> None:  # fmt: skip
    source, others = found.languages[0], found.languages[1:]
    cka = found.cka(main)
    ordered = dict(sorted(cka.items(), key=lambda item: -item[1]))
    analysis.add_picture(
        "cka", charts.bars(ordered, f"Similarity to {source}, layer {main}", "linear CKA (1 = alike)", (0, 1.1))
    )
    if len(found.layers) > 1:
        names = [str(layer) for layer in found.layers]
        axes = ("language", "layer (0 = embeddings)")

        def by_layer(what: str) -> np.ndarray:
            tables = [analysis.numbers[name]["languages"] for name in names]
            return np.array([[table[lang][what] for table in tables] for lang in others])

        title = f"Similarity to {source} by layer"
        picture = charts.heat(by_layer("cka"), others, names, title, axes, "linear CKA", (0, 1))
        analysis.add_picture("cka-layers", picture)
        title, unit = f"Translations found in {source} by layer", "retrieval accuracy (%)"
        picture = charts.heat(by_layer("retrieval_into_source"), others, names, title, axes, unit, (0, 100), ".0f")
        analysis.add_picture("retrieval-layers", picture)
    if args.matrix:
        matrix = found.matrix(main)
        names = found.languages
        title = f"Similarity of languages, layer {main}"
        analysis.add_picture("cka-matrix", charts.heat(matrix, names, names, title, ("", ""), "linear CKA", (0, 1)))
        analysis.add_table("cka-matrix", ["", *names], [[name, *row] for name, row in zip(names, matrix.tolist())])
        analysis.numbers[str(main)]["matrix"] = matrix
    _clouds(analysis, found, main, args)
    if scores and (shared := [lang for lang in others if lang in scores.scores]):
        about = correlate(cka, scores.scores, scores.source)
        points = {lang: (cka[lang], scores.scores[lang]) for lang in shared}
        title = f"CKA with {source} (layer {main}) and score: Spearman's rho {_number(about['rho'])}"
        axes = ("linear CKA", f"{scores.metric} (%)")
        analysis.add_picture("cka-scores", charts.named_points(points, title, axes))


def _clouds(analysis: Analysis, found: Measured, main: int, args: argparse.Namespace) -> None:
    centroids = {
        lang: vector[None] for lang, vector in zip(found.languages, found.moments[main].means.cpu().numpy())
    }  # fmt: skip
    points, (first, second) = project.principal(centroids)
    axes = (f"1st component ({first:.0f} % of variance)", f"2nd component ({second:.0f} %)")
    made = {lang: (float(point[0, 0]), float(point[0, 1])) for lang, point in points.items()}
    picture = charts.named_points(made, f"Centroids of languages, layer {main}", axes, equal=True)
    analysis.add_picture("centroids", picture)
    vectors = found.sample[main].numpy()
    step = max(1, vectors.shape[1] // args.points)
    groups = {lang: one[::step][: args.points] for lang, one in zip(found.languages, vectors)}
    points, (first, second) = project.principal(groups)
    axes = (f"1st component ({first:.0f} % of variance)", f"2nd component ({second:.0f} %)")
    analysis.add_picture("clouds-pca", charts.clouds(points, f"Sentences, layer {main}, by PCA", axes))
    embedded = None if args.no_tsne else project.neighbour_embedding(groups, args.seed)
    if embedded is not None:
        title = f"Sentences, layer {main}, by t-SNE (neighbours count, distances do not)"
        analysis.add_picture("clouds-tsne", charts.clouds(embedded, title, ("", ""), centroids=False))


def _print(found: Measured, main: int, analysis: Analysis, out: str) -> None:
    entry = analysis.numbers[str(main)]
    say(f"layer {main}, {analysis.facts['rows']} rows, CKA with {found.languages[0]}; translations found into it")
    for language, values in entry["languages"].items():
        say(f"  {language}  CKA {values['cka']:.3f}  retrieval {values['retrieval_into_source']:.1f} %")
    if "cka_and_score" in entry:
        about = entry["cka_and_score"]
        rho, p = _number(about["rho"]), _number(about["p"])
        say(f"Spearman's rho of CKA and score: {rho} (p {p}, {about['count']} languages)")
    say(f"written: {out}")


def _number(value: float) -> str:
    return "undefined" if np.isnan(value) else f"{value:.2f}"
