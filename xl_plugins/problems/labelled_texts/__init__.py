"""Labels of whole texts: what pairs of sentences and single texts share."""
