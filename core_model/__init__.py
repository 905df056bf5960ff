"""Aquila-plus (arXiv 2411.06142): descriptions of polygons seen over aerial and satellite imagery."""

from __future__ import annotations

__version__ = "0.1.0"
