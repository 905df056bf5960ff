"""A list of labels as users write it."""

from __future__ import annotations

import re
from typing import List


def split_labels(text: str) -> List[str]:
    """The labels in a text, separated by commas, semicolons or line ends; repetitions and blanks are left out."""
    return list(dict.fromkeys(label.strip() for label in re.split(r"[,;\n]", text) if label.strip()))
