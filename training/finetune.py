"""Stage 3: end to end, everything but the encoder."""

from __future__ import annotations

from training import run

if __name__ == "__main__":
    run.main("finetune")
