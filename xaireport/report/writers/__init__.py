"""Writers: one document in HTML, PDF and Markdown."""
