"""Stage 1: image–text alignment."""

from __future__ import annotations

from training import run

if __name__ == "__main__":
    run.main("pretrain")
