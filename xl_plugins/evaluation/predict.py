"""Predictions of data sets, under the name that Python programs know them by."""

from ..problems.predicting import Predictions, predict_dataset, predict_languages, predict_values

__all__ = ["Predictions", "predict_dataset", "predict_languages", "predict_values"]
