"""The façade: one description for each region, whatever happens to the others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core_model.checkpoint import LoadedModel
from core_model.describer import Describer, Description
from core_model.errors import ModelError, PromptError, RasterError
from core_model.generation import Prefix, Sampling
from core_model.geo.raster import GdalRaster, Picture, pixel_to_map
from core_model.geo.regions import Region
from core_model.geo.source import Window
from core_model.text.prompt import TokenSequence, Turn
from tests.geo_helpers import write_raster
from tests.tiny import LABEL_PROMPT, loaded_tiny, tiny_model

SIDE = 400
CRS = "EPSG:32633"
WEST, NORTH = 500000.0, 5800000.0


def square(x: float, y: float, side: float) -> str:
    """A square from its upper left corner in pixels (metres) of the test raster."""
    corners = [(x, y), (x + side, y), (x + side, y + side), (x, y + side), (x, y)]
    return "POLYGON((" + ",".join(f"{WEST + a} {NORTH - b}" for a, b in corners) + "))"


@pytest.fixture(scope="module")
def raster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise with a gradient, 400 × 400 m, whose right upper corner is nodata."""
    noise = np.random.default_rng(0).integers(1, 120, (3, SIDE, SIDE))
    values = (noise + np.linspace(0, 130, SIDE)).astype(np.uint8)
    values[:, :100, 300:] = 0
    return write_raster(tmp_path_factory.mktemp("scene") / "scene.tif", values, nodata=0)


@pytest.fixture(scope="module")
def describer() -> Describer:
    return Describer(loaded_tiny(), batch_size=4)


def _regions() -> list[Region]:
    places = [(20, 20, 25), (60, 30, 12), (150, 200, 60), (300, 300, 40), (31, 22, 5), (200, 90, 9), (90, 250, 30)]
    return [Region.from_wkt(number, square(*place), CRS) for number, place in enumerate(places)]


def _bad_regions() -> dict[str, Region]:
    return {
        "outside raster": Region.from_wkt("out", square(900, 900, 10), CRS),
        "no valid pixels": Region.from_wkt("hole", square(340, 20, 20), CRS),
        "invalid geometry": Region("none", b"", CRS),
        "partly outside": Region.from_wkt("edge", square(-10, 100, 30), CRS),
        "error: a line cannot be described, only polygons; buffer it to a polygon first":
            Region.from_wkt("line", f"LINESTRING({WEST} {NORTH},{WEST + 9} {NORTH - 9})", CRS),
        "error: the polygon's coordinate system cannot be converted to the raster's":
            replace(Region.from_wkt("crs", square(1, 1, 9)), crs_wkt="junk"),
    }


def _by_id(found: Sequence[Description]) -> dict[object, Description]:
    assert len({each.id for each in found}) == len(found)
    return {each.id: each for each in found}


def _same_text(one: Description, other: Description) -> bool:
    texts = [(each.id, each.status, each.description, each.label) for each in (one, other)]
    return texts[0] == texts[1] and math.isclose(one.confidence or 0, other.confidence or 0, rel_tol=1e-2)


def test_every_region_gets_its_texts_and_sizes(describer: Describer, raster: Path) -> None:
    found = _by_id(list(describer.describe(raster, _regions())))
    assert sorted(found) == list(range(7))  # type: ignore[type-var]
    for each in found.values():
        assert each.status == "ok" and each.description and each.label and each.model == "tiny"
        assert each.confidence is not None and 0 <= each.confidence <= 1 and each.probabilities is None
    assert found[0].area_m2 == pytest.approx(625, rel=2e-3) and found[0].perimeter_m == pytest.approx(100, rel=2e-3)
    assert found[0].gsd_m == pytest.approx(1, rel=1e-3)
    assert found[0].centroid == pytest.approx((15, 52.35), abs=0.01)
    assert len({each.description for each in found.values()}) > 1


def test_bad_regions_come_out_with_their_status_and_stop_nothing(describer: Describer, raster: Path) -> None:
    bad = _bad_regions()
    found = _by_id(list(describer.describe(raster, [*_regions(), *bad.values()])))
    assert len(found) == 7 + len(bad)
    for status, region in bad.items():
        each = found[region.id]
        assert each.status == status
        assert bool(each.description) == (status == "partly outside")
        assert (each.confidence is None) == (status != "partly outside")
    assert all(found[number].status == "ok" for number in range(7))


def test_a_description_does_not_depend_on_what_else_is_selected(describer: Describer, raster: Path) -> None:
    together = _by_id(list(describer.describe(raster, [*_regions(), *_bad_regions().values()])))
    for region in _regions():
        alone = list(describer.describe(raster, [region]))
        assert len(alone) == 1 and _same_text(alone[0], together[region.id])
    large = Describer(loaded_tiny(), batch_size=64)
    assert all(_same_text(each, together[each.id]) for each in large.describe(raster, reversed(_regions())))


def test_rasters_come_as_path_source_or_picture(describer: Describer, raster: Path) -> None:
    by_path = list(describer.describe(str(raster), _regions()))
    with GdalRaster(raster) as source:
        assert list(describer.describe(source, _regions())) == by_path
        picture = Picture(source, (3, 2, 1))
        assert list(describer.describe(picture, _regions())) == list(
            describer.describe(source, _regions(), bands=(3, 2, 1)))
        with pytest.raises(RasterError, match="bands are given"):
            describer.describe(picture, _regions(), bands=(1,))
    with pytest.raises(RasterError, match="cannot be opened"):
        describer.describe("absent.tif", _regions())


def test_styles_ask_different_things_and_the_label_stays(describer: Describer, raster: Path) -> None:
    by_style = {
        style: _by_id(list(describer.describe(raster, _regions(), style=style)))
        for style in ("category", "phrase", "description", "detailed")
    }
    default = _by_id(list(describer.describe(raster, _regions())))
    assert all(_same_text(default[number], by_style["description"][number]) for number in range(7))
    for number in range(7):
        found = [by_style[style][number] for style in by_style]
        assert len({each.label for each in found}) == 1
        assert found[0].description == found[0].label
    assert any(by_style["phrase"][n].description != by_style["detailed"][n].description for n in range(7))


def test_a_prompt_replaces_the_style(describer: Describer, raster: Path) -> None:
    plain = _by_id(list(describer.describe(raster, _regions())))
    same = _by_id(list(describer.describe(raster, _regions(), prompt="Describe <region>.")))
    other = _by_id(list(describer.describe(raster, _regions(), prompt="Is it wet? {area} m2")))
    assert all(_same_text(plain[number], same[number]) for number in range(7))
    assert all(other[number].label == plain[number].label for number in range(7))
    assert any(other[number].description != plain[number].description for number in range(7))


def test_instructions_carry_the_tiles_gsd_and_the_area(
    describer: Describer, raster: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    builder = describer._generator.builder
    original = builder.questions

    def questions(turns: Sequence[Turn], regions: int) -> list[TokenSequence]:
        if "unknown" not in turns[0].instruction:  # which only tells that the prompt has room
            asked.append(turns[0].instruction)
        return original(turns, regions)

    monkeypatch.setattr(builder, "questions", questions)
    list(describer.describe(raster, [_regions()[0]], prompt="area {area}, gsd {gsd}, <region>"))
    # 25 m of a tile 64 pixels wide: a tile pixel is one raster pixel; 12 m: half of one.
    assert "GSD 1 m, area 630 m2. area 630, gsd 1, <region>" in asked
    asked.clear()
    corners = [f"{WEST + x} {NORTH - y}" for x, y in ((20, 20), (50, 50), (45, 55), (15, 25), (20, 20))]
    strip = Region.from_wkt("strip", f"POLYGON(({','.join(corners)}))", CRS)
    list(describer.describe(raster, [strip], prompt="<region>{size}{shape}{direction}"))
    assert any(text.endswith("<region>, medium-sized, elongated, from northwest to southeast") for text in asked)
    asked.clear()
    describer.ask(raster, _regions()[:2], "Is <region2> wetter than <region1>{others}?")
    assert asked == ["GSD 2 m, area 140 m2. Is <region2> wetter than <region1>, the second 630 m2, larger?"]
    asked.clear()
    list(describer.describe(raster, [_regions()[1]], style="category"))
    assert set(asked) == {"GSD 0.5 m, area 140 m2. What is <region>?"}


def test_labels_are_scored_and_never_left(describer: Describer, raster: Path) -> None:
    labels = ["forest", "field", "water"]
    for each in describer.describe(raster, _regions(), labels=labels):
        assert each.probabilities is not None and list(each.probabilities) == labels
        assert sum(each.probabilities.values()) == pytest.approx(1)
        assert each.label == max(labels, key=lambda name: each.probabilities[name])  # type: ignore[index]
        assert each.description == each.label and each.confidence == each.probabilities[each.label]
    plain = _by_id(list(describer.describe(raster, _regions(), style="phrase")))
    for each in describer.describe(raster, _regions(), labels=labels, style="phrase"):
        assert each.label in labels and each.description == plain[each.id].description


def test_long_label_lists_are_scored_in_parts(
    describer: Describer, raster: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = [f"kind {number}" for number in range(12)]
    whole = _by_id(list(describer.describe(raster, _regions(), labels=labels)))
    monkeypatch.setattr("core_model.generation._SCORING_CELLS", 1)
    for each in describer.describe(raster, _regions(), labels=labels):
        assert each.probabilities == pytest.approx(whole[each.id].probabilities, abs=1e-4)


def test_confidence_is_the_calibrated_probability_of_the_category(raster: Path) -> None:
    tokenizer = loaded_tiny().tokenizer
    found = []
    for slope in (1.0, 0.5):
        model = tiny_model(tokenizer, confidence=(slope, 0.0, 0.0))  # type: ignore[arg-type]
        found.append(list(Describer(LoadedModel(model, tokenizer, Path())).describe(raster, _regions())))
    for plain, calibrated in zip(*found):
        odds = (plain.confidence or 0) / (1 - (plain.confidence or 0))
        assert calibrated.confidence == pytest.approx(odds**0.5 / (1 + odds**0.5), rel=1e-3)


def test_unfamiliar_regions_are_named_with_less_confidence(raster: Path) -> None:
    """The nearness of a region to the prototypes is that of its own feature, and moves nothing but the confidence."""
    tokenizer = loaded_tiny().tokenizer
    model = tiny_model(tokenizer, familiar=3)  # type: ignore[arg-type]
    loaded = LoadedModel(model, tokenizer, Path())
    found = []
    for prototype in (1.0, -1.0):
        torch.nn.init.constant_(model.familiarity.prototypes, prototype)
        for near in (0.0, 5.0):
            model.config = replace(model.config, confidence=(1.0, near, 0.0))
            found.append(list(Describer(loaded).describe(raster, _regions(), style="phrase")))
    assert all([one.description for one in each] == [one.description for one in found[0]] for each in found)
    plain, one, _, other = ([_log_odds(each.confidence) for each in part] for part in found)
    assert any(abs(first - middle) > 0.1 for first, middle in zip(one, plain))
    # Opposite prototypes are as far on the other side.
    assert [first + second for first, second in zip(one, other)] == pytest.approx(
        [2 * middle for middle in plain], abs=1e-3)


def _log_odds(chance: float | None) -> float:
    assert chance is not None
    return math.log(chance / (1 - chance))


def test_models_without_a_category_prompt_leave_the_label_empty(raster: Path) -> None:
    tokenizer = loaded_tiny().tokenizer
    model = tiny_model(tokenizer, prompts={})  # type: ignore[arg-type]
    describer = Describer(LoadedModel(model, tokenizer, Path()))
    for each in describer.describe(raster, _regions()):
        assert each.label == "" and each.description and 0 < (each.confidence or 0) <= 1
    assert all(each.label == each.description != "" for each in describer.describe(
        raster, _regions(), style="category"))


def test_sampling_is_seeded_and_leaves_the_label_alone(describer: Describer, raster: Path) -> None:
    plain = _by_id(list(describer.describe(raster, _regions())))
    sampling = Sampling(temperature=1.0, seed=1)
    one = _by_id(list(describer.describe(raster, _regions(), sampling=sampling)))
    two = _by_id(list(describer.describe(raster, list(reversed(_regions())), sampling=sampling)))
    assert all(_same_text(one[number], two[number]) for number in range(7))
    assert all(one[number].label == plain[number].label for number in range(7))
    assert any(one[number].description != plain[number].description for number in range(7))


def test_options_that_cannot_be_used_are_refused_before_any_work(describer: Describer, raster: Path) -> None:
    for options, words in (
        ({"style": "poem"}, "no style is called"), ({"prompt": "<region2>"}, "names <region2>"),
        ({"labels": ["one"]}, "at least two"), ({"style": "phrase", "prompt": "x"}, "choose one of them"),
    ):
        with pytest.raises(PromptError, match=words):
            describer.describe(raster, _regions(), **options)
    with pytest.raises(RasterError, match="band 9 was asked for"):
        describer.describe(raster, _regions(), bands=(9,))


class _BrokenPicture(Picture):
    """A picture one of whose tiles cannot be read."""

    def read(self, window: Window, size: int) -> tuple[np.ndarray, np.ndarray]:
        if window.x > 200:
            raise RasterError("scene.tif could not be read;\nthe file seems damaged")
        return super().read(window, size)


def test_a_tile_that_cannot_be_read_concerns_its_regions_only(describer: Describer, raster: Path) -> None:
    with GdalRaster(raster) as source:
        found = _by_id(list(describer.describe(_BrokenPicture(source), _regions())))
    assert len(found) == 7
    broken = [each for each in found.values() if each.status != "ok"]
    assert [each.id for each in broken] == [3]
    assert broken[0].status == "error: scene.tif could not be read; the file seems damaged"
    assert broken[0].area_m2 > 0 and broken[0].description == ""


@pytest.mark.parametrize("error", [RuntimeError("out of memory"), ModelError("too long")])
def test_a_failing_pass_is_halved_until_the_fault_is_alone(
    raster: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    describer = Describer(loaded_tiny(), batch_size=4)  # one of its own, since it remembers what memory did for
    plain = _by_id(list(describer.describe(raster, _regions())))
    original = describer._generator.view_of

    def view(pictures: list[Prefix], masks: np.ndarray, owners: list[int]) -> object:
        if len(masks) > 2:
            raise error
        return original(pictures, masks, owners)

    monkeypatch.setattr(describer._generator, "view_of", view)
    found = _by_id(list(describer.describe(raster, _regions())))
    assert all(_same_text(found[number], plain[number]) for number in range(7))
    monkeypatch.setattr(describer._generator, "view_of", lambda *_: (_ for _ in ()).throw(error))
    statuses = [each.status for each in describer.describe(raster, _regions())]
    assert statuses == [f"error: {error}"] * 7


def test_faults_of_ours_are_not_hidden(
    describer: Describer, raster: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(describer._generator, "view_of", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        list(describer.describe(raster, _regions()))


def test_progress_counts_to_the_end(describer: Describer, raster: Path) -> None:
    seen: list[tuple[int, int]] = []
    bad = list(_bad_regions().values())
    list(describer.describe(raster, [*_regions(), *bad], progress=lambda *at: seen.append(at)))
    assert seen[0] == (4, 13) and seen[-1] == (13, 13)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen) and len(seen) > 2


def test_cancelling_ends_the_stream_between_batches(describer: Describer, raster: Path) -> None:
    found: list[Description] = []
    for each in describer.describe(raster, _regions(), is_cancelled=lambda: bool(found)):
        found.append(each)
    assert len(found) == 4
    assert list(describer.describe(raster, _regions(), is_cancelled=lambda: True)) == []


def test_results_come_as_they_are_made(describer: Describer, raster: Path) -> None:
    progress: list[int] = []
    stream = describer.describe(raster, _regions(), progress=lambda done, _: progress.append(done))
    next(stream)
    assert progress == [0]


def test_no_regions_give_no_descriptions(describer: Describer, raster: Path) -> None:
    assert list(describer.describe(raster, [])) == []


def test_plan_counts_polygons_and_tiles(describer: Describer, raster: Path) -> None:
    plan = describer.plan(raster, [*_regions(), *_bad_regions().values()])
    assert (plan.polygons, plan.describable) == (13, 9)
    assert 1 < plan.tiles <= 9


def test_questions_about_one_and_two_regions(describer: Describer, raster: Path) -> None:
    regions = _regions()
    one = describer.ask(raster, regions[:1], "Is <region> wet?")
    assert one.status == "ok" and one.text and one.ids == (0,) and 0 < (one.confidence or 0) <= 1
    two = describer.ask(raster, [regions[0], regions[3]], "Which is larger, <region1> or <region2>?")
    assert two.ids == (0, 3) and two.areas_m2 == pytest.approx((625, 1600), rel=2e-3)
    chosen = describer.ask(raster, regions[:1], "Is <region> wet?", labels=["yes", "no"])
    assert chosen.text in ("yes", "no") and sum((chosen.probabilities or {}).values()) == pytest.approx(1)


def test_questions_that_cannot_be_answered_say_why(describer: Describer, raster: Path) -> None:
    bad = _bad_regions()
    good = _regions()[0]
    assert describer.ask(raster, [bad["outside raster"]], "Wet?").status == "outside raster"
    assert describer.ask(raster, [good, bad["no valid pixels"]], "Wet?").status == "region 2: no valid pixels"
    assert describer.ask(raster, [bad["partly outside"]], "Wet?").status == "partly outside"
    with pytest.raises(PromptError, match="no region is given"):
        describer.ask(raster, [], "Wet?")
    with pytest.raises(PromptError, match="names <region3>"):
        describer.ask(raster, [good], "<region3>?")


def test_instruction_tells_what_will_be_asked(describer: Describer) -> None:
    assert describer.instruction() == "GSD {gsd} m, area {area} m2. Describe <region>."
    assert describer.instruction(prompt="Wet?") == "GSD {gsd} m, area {area} m2. Wet?"
    expected = LABEL_PROMPT.replace("{labels}", "a, b")
    assert describer.instruction(labels=["a", "b"]) == "GSD {gsd} m, area {area} m2. " + expected


def test_real_buildings_are_described(describer: Describer, shared_data: Path) -> None:
    from core_model.geo.vector import open_layer

    folder = shared_data / "scenes" / "atlanta_pan16"
    layer = open_layer(folder / "geotiff_labels.geojson")
    found = list(describer.describe(folder / "sample_geotiff.tif", (row.region for row in layer), style="category"))
    assert len(found) == len(layer) == 43 and {each.status for each in found} == {"ok"}


@pytest.mark.parametrize("name", [
    "RGB.byte.tif", "RGBA.uint16.tif", "all-nodata.tif", "cog_cmap.tif", "cog_dateline.tif", "cog_gcps.tif",
    "cog_nodata_nan.tif", "cog_rgb_mask.tif", "float_nan.tif", "goes.tif", "no_geo.jpg", "rotated.tif", "shade.tif",
])
def test_awkward_rasters_are_described(describer: Describer, shared_data: Path, name: str) -> None:
    with GdalRaster(shared_data / "scenes" / "awkward" / name) as source:
        low, high = np.array([source.width, source.height]) * 0.3, np.array([source.width, source.height]) * 0.7
        corners = pixel_to_map(source.transform, np.array([low, (high[0], low[1]), high, (low[0], high[1]), low]))
        wkt = "POLYGON((" + ",".join(f"{x!r} {y!r}" for x, y in corners.tolist()) + "))"
        found = list(describer.describe(source, [Region.from_wkt(1, wkt)]))
    assert len(found) == 1
    assert found[0].status == ("no valid pixels" if name == "all-nodata.tif" else "ok")
    assert bool(found[0].description) == (found[0].status == "ok")


def test_describing_prints_nothing(describer: Describer, raster: Path, capfd: pytest.CaptureFixture[str]) -> None:
    list(describer.describe(raster, [*_regions(), *_bad_regions().values()]))
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""
