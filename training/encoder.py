"""Stage 0: the default model's encoder learns regions from scratch."""

from __future__ import annotations

from training import run

if __name__ == "__main__":
    run.main("encoder")
