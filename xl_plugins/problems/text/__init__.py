"""A label for one text: sentiment, topic, intent."""
