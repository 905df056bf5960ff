"""Stage 3: end to end, everything but the encoder; with --raster, the adaptation of a model to one's own layers."""

from __future__ import annotations

import sys

from training import own_layers, run

if __name__ == "__main__":
    if any(argument.split("=")[0] == "--raster" for argument in sys.argv[1:]):
        own_layers.main()
    else:
        run.main("finetune")
