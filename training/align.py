"""Stage 2: mask–text alignment."""

from __future__ import annotations

from training import run

if __name__ == "__main__":
    run.main("align")
