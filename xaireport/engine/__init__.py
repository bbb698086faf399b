"""Content-addressed, resumable builds; knows nothing of models, data or reports."""
