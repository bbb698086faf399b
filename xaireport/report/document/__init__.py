"""The document: blocks, inline text, numbers with their keys, and phrases."""
