"""Which bands are red, green and blue, by what they are called, such as "Red", "B04" or "SR_B3".

Exports of Sentinel-2 and Landsat name their bands in the description and seldom declare a colour; the first three of
such a file are aerosols, blue and green, or blue, green and red.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

COLOURS = ("red", "green", "blue")
# The numbers of red, green and blue: of Sentinel-2 and Landsat 8 and 9, and of Landsat 4 to 7.
_LATER, _EARLIER = (4, 3, 2), (3, 2, 1)
_WORD = re.compile(r"[a-z]+|\d+")
# "B4", "B04", "SR_B4", "S2A_T31_B04_10m"; "B8A" and the thermal "ST_B6" are bands of another number.
_NUMBER = re.compile(r"(?:^|[^a-z])b(\d{1,2})(?![\da-z])")
# Fewer bands named B1, B2, B3 … may just be numbered.
_WHOLE_SENSOR = 7


def colours_by_name(descriptions: Sequence[str]) -> tuple[int, ...]:
    """The 1-based numbers of the red, green and blue band; () where the names do not tell each without doubt."""
    names = [description.lower() for description in descriptions]
    return _by_word(names) or _by_number(names)


def _by_word(names: Sequence[str]) -> tuple[int, ...]:
    found: dict[str, list[int]] = {colour: [] for colour in COLOURS}
    for number, name in enumerate(names, 1):
        words = _WORD.findall(name)
        named = [word for word in words if word in COLOURS]
        # "Red edge", "vegetation red edge" and "coastal blue" are other bands than red and blue.
        if len(named) == 1 and not {"edge", "coastal"} & set(words):
            found[named[0]].append(number)
    return _each_once([found[colour] for colour in COLOURS])


def _by_number(names: Sequence[str]) -> tuple[int, ...]:
    numbers: dict[int, list[int]] = {}
    for place, name in enumerate(names, 1):
        match = None if "st_b" in name else _NUMBER.search(name)
        if match is not None:
            numbers.setdefault(int(match[1]), []).append(place)
    is_counted = all(places == [number] for number, places in numbers.items()) and len(numbers) < _WHOLE_SENSOR
    if is_counted and not any("sr_b" in name for name in names):
        return ()
    # Landsat 4 to 7 have no reflective band 6 and nothing beyond 8, but a band 1 that is blue.
    is_earlier = {1, 2, 3, 5, 7} <= set(numbers) and not {6, 9, 10, 11, 12} & set(numbers)
    return _each_once([numbers.get(number, []) for number in (_EARLIER if is_earlier else _LATER)])


def _each_once(found: Sequence[Sequence[int]]) -> tuple[int, ...]:
    return tuple(places[0] for places in found) if all(len(places) == 1 for places in found) else ()
