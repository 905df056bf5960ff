"""The categories the default model knows: one entry per data set and class, with the words it is taught."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Tuple


@dataclass(frozen=True)
class Category:
    """A class of one data set: its key there, the noun phrase used in texts, and other ways to say it."""

    source: str
    key: str
    name: str
    synonyms: Tuple[str, ...] = ()
    plural: bool = False


CATEGORIES: Tuple[Category, ...] = (
    Category("eurosat", "AnnualCrop", "annual crop", ("arable field", "cropland")),
    Category("eurosat", "Forest", "forest", ("woodland", "trees")),
    Category("eurosat", "HerbaceousVegetation", "herbaceous vegetation", ("wild grassland", "natural low vegetation")),
    Category("eurosat", "Highway", "highway", ("main road", "motorway")),
    Category("eurosat", "Industrial", "industrial area", ("commercial area", "industrial buildings")),
    Category("eurosat", "Pasture", "pasture", ("meadow", "grazing land")),
    Category("eurosat", "PermanentCrop", "permanent crop", ("orchard or vineyard", "plantation")),
    Category("eurosat", "Residential", "residential area", ("housing area", "built-up area with houses")),
    Category("eurosat", "River", "river", ("stream", "watercourse")),
    Category("eurosat", "SeaLake", "sea or lake", ("open water", "water body")),
    Category("ucmerced", "agricultural", "agricultural field", ("farm field", "ploughed field")),
    Category("ucmerced", "airplane", "airplane", ("parked aircraft", "aircraft")),
    Category("ucmerced", "baseballdiamond", "baseball diamond", ("baseball field", "ball field")),
    Category("ucmerced", "beach", "beach", ("sandy shore", "shoreline")),
    Category("ucmerced", "buildings", "commercial buildings", ("large buildings", "office buildings"), plural=True),
    Category("ucmerced", "chaparral", "chaparral", ("shrubland", "scattered shrubs")),
    Category("ucmerced", "denseresidential", "dense residential area", ("densely built housing", "close-set houses")),
    Category("ucmerced", "forest", "forest", ("woodland", "trees")),
    Category("ucmerced", "freeway", "freeway", ("multi-lane road", "motorway")),
    Category("ucmerced", "golfcourse", "golf course", ("golf fairway", "golf green")),
    Category("ucmerced", "harbor", "harbour", ("marina", "docked boats")),
    Category("ucmerced", "intersection", "road intersection", ("crossroads", "street crossing")),
    Category("ucmerced", "mediumresidential", "medium residential area", ("suburban housing", "houses with gardens")),
    Category("ucmerced", "mobilehomepark", "mobile home park", ("trailer park", "rows of mobile homes")),
    Category("ucmerced", "overpass", "overpass", ("road bridge", "flyover")),
    Category("ucmerced", "parkinglot", "parking lot", ("car park", "parked cars")),
    Category("ucmerced", "river", "river", ("stream", "watercourse")),
    Category("ucmerced", "runway", "runway", ("airstrip", "airport pavement")),
    Category("ucmerced", "sparseresidential", "sparse residential area", ("scattered houses", "a house with land")),
    Category("ucmerced", "storagetanks", "storage tanks", ("oil tanks", "round tanks"), plural=True),
    Category("ucmerced", "tenniscourt", "tennis court", ("tennis courts", "sports court")),
    Category("dubai", "building", "building", ("roof", "house")),
    Category("dubai", "land", "unpaved land", ("bare ground", "open sandy ground")),
    Category("dubai", "road", "road", ("street", "paved road")),
    Category("dubai", "vegetation", "vegetation", ("greenery", "plants")),
    Category("dubai", "water", "water", ("water surface", "open water")),
    Category("naip", "canopy", "tree canopy", ("tree crowns", "trees")),
    Category("naip", "low", "low vegetation", ("grass", "lawn or grass")),
    Category("naip", "bare", "surface without vegetation", ("bare or built surface", "non-vegetated surface")),
    Category("solar", "roof", "roof with solar panels", ("solar roof", "building with solar panels")),
)

INDEX: Dict[Tuple[str, str], int] = {(entry.source, entry.key): number for number, entry in enumerate(CATEGORIES)}
UNKNOWN = -1


def of_source(source: str) -> List[int]:
    """The numbers of one data set's categories."""
    return [number for number, entry in enumerate(CATEGORIES) if entry.source == source]


def index(source: str, key: str) -> int:
    """The number of a data set's class; raises ``KeyError`` for a class that is not in the vocabulary."""
    return INDEX[source, key]
