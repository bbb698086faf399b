"""From results.json to pages."""
