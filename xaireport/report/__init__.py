"""From evidence to results.json, and from results.json to pages."""
