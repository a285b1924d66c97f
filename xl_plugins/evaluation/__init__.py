"""Prediction and scoring with fine-tuned checkpoints.

The commands ``xl-evaluate`` and ``xl-predict`` are thin; the same from Python::

    import xl_plugins
    from xl_plugins.evaluation.checkpoint import load_fine_tuned
    from xl_plugins.evaluation.predict import predict_languages
    from xl_plugins.evaluation.scoring import score_predictions

    tuned = load_fine_tuned("runs/xmixup/checkpoint_best.pt", data="data-bin/xnli")
    predictions = predict_languages(tuned, split="test")        # language -> predictions, in the order of the file
    result = score_predictions(tuned, predictions, "test", name="xmixup", task="xnli")
    print(result.scores, result.summary())                      # percent by language; mean, mean without source, gap
    print(predictions["de"].predicted[:3], predictions["de"].probabilities[:3])

Labels come for sentence pairs, lists of tags for tagging, answer texts for questions; ``result.figures("f1")`` gives
any other figure of the metric (:data:`~xl_plugins.functional.scores.metrics.METRICS`). Scores of prediction files:
:func:`~.readers.file_scores.score_files`; significance: :func:`~.report.significance.paired_bootstrap`.
"""
