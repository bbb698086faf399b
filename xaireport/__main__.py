"""``python -m xaireport``: the command line."""

from __future__ import annotations

from xaireport.cli import main

if __name__ == "__main__":
    main()
