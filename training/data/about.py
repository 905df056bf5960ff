"""What every conversation about a picture needs to know of it, wherever the picture came from."""

from __future__ import annotations

from typing import List, Protocol, Sequence, Tuple

from core_model.form import Form
from core_model.text.context import conversation, measured_for
from core_model.text.prompt import Turn


class About(Protocol):
    """A picture's GSD and its regions' numbers."""

    @property
    def gsd(self) -> float:
        """Metres per pixel of the picture, nan unknown."""

    @property
    def areas(self) -> Sequence[float]:
        """Square metres of each region, nan unknown."""

    @property
    def forms(self) -> Sequence[Form]:
        """Each region's shape and direction."""


def in_context(
    context: str, exchanges: Sequence[Tuple[str, str]], about: About, regions: Sequence[int]
) -> List[Turn]:
    """Exchanges about some regions as turns, with what a model's ``context`` tells of those that the first names.

    Those about the whole picture have no context.
    """
    if not regions:
        return conversation(context, exchanges, None)
    areas, forms = [about.areas[number] for number in regions], [about.forms[number] for number in regions]
    return conversation(context, exchanges, measured_for(exchanges[0][0], about.gsd, areas, forms))
