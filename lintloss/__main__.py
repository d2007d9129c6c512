"""`python -m lintloss`."""

from __future__ import annotations

from lintloss.cli import main

if __name__ == "__main__":
    main(prog_name="lintloss")
