"""The pages: card, comparison and index."""
