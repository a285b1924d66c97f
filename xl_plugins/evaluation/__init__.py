"""Prediction and scoring with fine-tuned checkpoints.

The commands ``xl-evaluate`` and ``xl-predict`` are thin; the same from Python::

    import xl_plugins
    from xl_plugins.evaluation.checkpoint import load_fine_tuned
    from xl_plugins.evaluation.predict import predict_languages
    from xl_plugins.evaluation.scoring import score_predictions

    tuned = load_fine_tuned("runs/xmixup/checkpoint_best.pt", data="data-bin/xnli")
    predictions = predict_languages(tuned, split="test")        # language -> probabilities (N, C), rows in file order
    result = score_predictions(tuned, predictions, "test", name="xmixup", task="xnli")
    print(result.scores, result.summary())                      # percent by language; mean, mean without source, gap
"""
