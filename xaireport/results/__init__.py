"""results.json and predictions.csv of a study: assembled, checked, loaded. It makes no page."""
