"""The algorithms that write about polygons, run as QGIS runs them."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Iterator, List

import numpy as np
import pytest
from qgis.core import (
    NULL,
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsGeometry,
    QgsProcessingAlgRunnerTask,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildParameterSource,
    QgsProcessingModelOutput,
    QgsProcessingModelParameter,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterRasterLayer,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsVectorLayer,
)

from core_model.checkpoint import load_model
from core_model.describer import Describer
from core_model.description import Description
from core_model.geo.raster import GdalRaster, Picture
from core_model.geo.regions import Region
from tests.geo_helpers import write_raster
from tests.plugin.processing_runs import (
    COUNTS,
    Heard,
    algorithm_of,
    problem,
    rows,
    run,
    texts_of,
)
from tests.plugin.scenes import PLACES, polygon_layer, squares
from tests.plugin.waiting import wait_until

OUTSIDE, HOLE, EDGE = (900, 900, 10), (340, 20, 20), (-10, 100, 30)
LABELS = "forest, field; water\nroof"


pytestmark = pytest.mark.usefixtures("registered")


def _selected(layer: QgsVectorLayer, numbers: List[int]) -> QgsProcessingFeatureSourceDefinition:
    QgsProject.instance().addMapLayer(layer, False)
    layer.selectByIds(numbers)
    return QgsProcessingFeatureSourceDefinition(layer.id(), selectedFeaturesOnly=True)


def test_each_polygon_gets_its_text_and_the_statuses_are_counted(model: str, raster: QgsRasterLayer) -> None:
    layer = polygon_layer(["plot:integer"], [*PLACES, OUTSIDE, HOLE, EDGE])
    empty = QgsFeature(layer.fields())
    layer.dataProvider().addFeatures([empty])
    heard = Heard()
    found = run("describe_polygons", {"INPUT": layer, "RASTER": raster, "MODEL": model}, heard)
    assert [found[name] for name in COUNTS] == [7, 1, 1, 1, 1, 0]
    written = rows(found["OUTPUT"])
    assert list(written[0]) == ["plot", "description", "label", "confidence", "status"] and len(written) == 11
    expected = texts_of(model, raster)
    for number, row in enumerate(written[:7]):
        assert row["description"] == expected[number] and row["label"] and 0 <= row["confidence"] <= 1
    assert [row["status"] for row in written[7:]] == [
        "outside raster", "no valid pixels", "partly outside", "invalid geometry"]
    assert [row["description"] in (None, NULL) for row in written[7:]] == [True, True, False, True]
    assert heard.steps == sorted(heard.steps) and heard.steps[-1] == 100
    assert len(heard.warnings) == 3 and not heard.errors


def test_style_prompt_fields_and_surroundings_are_as_chosen(model: str, raster: QgsRasterLayer) -> None:
    layer = polygon_layer(["note:string(0)"])
    base = {"INPUT": layer, "RASTER": raster, "MODEL": model, "FIELD": "note"}
    phrase = rows(run("describe_polygons", {**base, "STYLE": 1, "EXTRAS": [3]})["OUTPUT"])
    assert list(phrase[0]) == ["note", "area_m2"] and phrase[0]["area_m2"] == pytest.approx(625, rel=2e-3)
    assert [row["note"] for row in phrase] == texts_of(model, raster, style="phrase")
    asked = rows(run("describe_polygons", {**base, "PROMPT": "Is <region> wet?", "EXTRAS": []})["OUTPUT"])
    assert asked[2] == {"note": texts_of(model, raster, prompt="Is <region> wet?")[2]}
    wide = rows(run("describe_polygons", {**base, "STYLE": 1, "CONTEXT": 1})["OUTPUT"])
    assert [row["note"] for row in wide] != [row["note"] for row in phrase]
    assert [row["note"] for row in wide] == texts_of(model, raster, style="phrase", wider=1)


def test_only_selected_polygons_and_chosen_bands(model: str, raster: QgsRasterLayer) -> None:
    layer = polygon_layer()
    found = run("describe_polygons", {
        "INPUT": _selected(layer, [2, 5]), "RASTER": raster, "MODEL": model, "BANDS": "3,2,1"})
    expected = texts_of(model, raster, bands=(3, 2, 1))
    assert sorted(row["description"] for row in rows(found["OUTPUT"])) == sorted([expected[1], expected[4]])


def test_polygons_share_the_tiles_they_are_seen_through(
    model: str, raster: QgsRasterLayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core_model.network.aquila import Aquila

    pictures: List[int] = []
    original = Aquila.encode

    def encode(self: Aquila, images: Any) -> Any:
        pictures.append(len(images))
        return original(self, images)

    monkeypatch.setattr(Aquila, "encode", encode)
    places = [(100 + 3 * (n % 4), 100 + 3 * (n // 4), 6) for n in range(8)]
    assert run("describe_polygons", {
        "INPUT": polygon_layer(places=places), "RASTER": raster, "MODEL": model})["OK_COUNT"] == 8
    assert sum(pictures) <= 3


def test_labels_and_questions(model: str, raster: QgsRasterLayer) -> None:
    base = {"INPUT": polygon_layer(), "RASTER": raster, "MODEL": model}
    classified = rows(run("classify_polygons", {**base, "LABELS": LABELS})["OUTPUT"])
    expected = texts_of(model, raster, labels=("forest", "field", "water", "roof"))
    assert list(classified[0]) == ["label", "probability", "status"]
    assert [row["label"] for row in classified] == expected
    assert all(0.25 <= row["probability"] <= 1 for row in classified)
    answered = rows(run("ask_polygons", {**base, "QUESTION": "What colour is it?"})["OUTPUT"])
    expected = texts_of(model, raster, prompt="What colour is it?")
    assert [row["answer"] for row in answered] == expected


def test_one_question_about_all_polygons_together(model: str, raster: QgsRasterLayer) -> None:
    layer, question = polygon_layer(places=PLACES[:3]), "Is <region1> larger than <region3>?"
    base = {"RASTER": raster, "MODEL": model, "QUESTION": question, "TOGETHER": True}
    found = run("ask_polygons", {**base, "INPUT": layer, "EXTRAS": [0, 1]})
    with GdalRaster(raster.source()) as source:
        expected = Describer(load_model(model, device="cpu")).ask(source, squares(3), question)
    assert found["ANSWER"] == expected.text and found["OK_COUNT"] == 3
    assert [row["answer"] for row in rows(found["OUTPUT"])] == [expected.text] * 3
    assert [row["area_m2"] for row in rows(found["OUTPUT"])] == pytest.approx(expected.areas_m2)
    failed = run("ask_polygons", {**base, "INPUT": polygon_layer(places=[*PLACES[:2], OUTSIDE])})
    assert failed["ERROR_COUNT"] == 3 and failed["ANSWER"] == ""
    assert rows(failed["OUTPUT"])[0]["status"] == "error: region 3: outside raster"
    assert "region3" in problem("ask_polygons", {**base, "INPUT": polygon_layer(places=PLACES[:2])})
    crowd = polygon_layer(places=[(10 * number, 10, 8) for number in range(17)])
    assert "17 polygons are too many" in problem("ask_polygons", {**base, "INPUT": crowd})


def test_a_cancelled_run_keeps_what_is_done(model: str, raster: QgsRasterLayer, tmp_path: Path) -> None:
    target = tmp_path / "part.gpkg"
    values = {"INPUT": polygon_layer(), "RASTER": raster, "MODEL": model, "BATCH_SIZE": 2, "OUTPUT": str(target)}
    found = run("describe_polygons", values, Heard(lambda progress: progress > 50))
    written = rows(QgsVectorLayer(str(target), "part"))
    assert len(written) == found["OK_COUNT"] == 4 and all(row["description"] for row in written)


def test_it_runs_in_a_background_thread(
    model: str, raster: QgsRasterLayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: List[threading.Thread] = []
    original = Describer.describe

    def describe(self: Describer, *values: Any, **options: Any) -> Any:
        threads.append(threading.current_thread())
        return original(self, *values, **options)

    monkeypatch.setattr(Describer, "describe", describe)
    layer, ended = polygon_layer(), []
    context, heard = QgsProcessingContext(), Heard()
    context.setProject(QgsProject.instance())
    values = {"INPUT": layer, "RASTER": raster, "MODEL": model, "DEVICE": "cpu", "OUTPUT": "memory:"}
    task = QgsProcessingAlgRunnerTask(algorithm_of("describe_polygons"), values, context, heard)
    task.executed.connect(lambda good, results: ended.append((good, results)))
    QgsApplication.taskManager().addTask(task)
    wait_until(lambda: ended)
    assert ended[0][0] and ended[0][1]["OK_COUNT"] == 7
    assert len(context.takeResultLayer(ended[0][1]["OUTPUT"]).fields()) == 4
    assert threads and threads[0] is not threading.main_thread()


@pytest.mark.parametrize("nameless", ["plots", "bare"])
def test_a_run_tells_which_layer_has_no_crs(
    model: str, raster: QgsRasterLayer, nameless: str, tmp_path: Path
) -> None:
    layer, heard = polygon_layer(), Heard()
    if nameless == "plots":
        layer.setCrs(QgsCoordinateReferenceSystem())
    else:
        pixels = np.random.default_rng(0).integers(0, 255, (3, 400, 400), dtype=np.uint8)
        raster = QgsRasterLayer(str(write_raster(tmp_path / "bare.tif", pixels, crs="")), "bare")
    found = run("describe_polygons", {"INPUT": layer, "RASTER": raster, "MODEL": model, "STYLE": 0}, heard)
    assert found["OK_COUNT"] == len(PLACES)
    assert [text for text in heard.warnings if text.startswith(f"{nameless} has no coordinate system")]


def test_a_run_is_silent_on_coordinates_where_both_layers_have_a_crs(model: str, raster: QgsRasterLayer) -> None:
    heard = Heard()
    # QGIS may have forgotten the raster's; its file still says it, and that is what is read.
    raster.setCrs(QgsCoordinateReferenceSystem())
    values = {"INPUT": polygon_layer(), "RASTER": raster, "MODEL": model, "STYLE": 0}
    run("describe_polygons", values, heard)
    assert not heard.warnings
    # As displayed, the layer is read through QGIS, which knows of none.
    run("describe_polygons", {**values, "AS_DISPLAYED": True}, heard)
    assert [text for text in heard.warnings if text.startswith("scene has no coordinate system")]


def test_polygons_of_another_crs_and_files_of_other_formats(
    model: str, raster: QgsRasterLayer, tmp_path: Path
) -> None:
    import processing

    moved = processing.run("native:reprojectlayer", {
        "INPUT": polygon_layer(), "TARGET_CRS": QgsCoordinateReferenceSystem("EPSG:4326"),
        "OUTPUT": str(tmp_path / "plots.gpkg")})["OUTPUT"]
    found = run("describe_polygons", {
        "INPUT": moved, "RASTER": raster.source(), "MODEL": model, "OUTPUT": str(tmp_path / "out.shp")})
    written = QgsVectorLayer(found["OUTPUT"], "out")
    assert written.isValid() and written.crs().authid() == "EPSG:4326" and written.featureCount() == 7
    assert all(row["status"] == "ok" and row["descriptio"] for row in rows(written))


@pytest.mark.parametrize("ending", ["shp", "tab"])
def test_texts_too_long_for_a_file_are_cut_after_a_word_and_counted(
    model: str, raster: QgsRasterLayer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    text = "A wide dry meadow with très many stripes, " * 8

    def described(_: Describer, picture: Picture, polygons: Iterator[Region], **__: object) -> Iterator[Description]:
        yield from (Description(region.id, "ok", text) for region in polygons)

    monkeypatch.setattr(Describer, "describe", described)
    heard = Heard()
    found = run("describe_polygons", {
        "INPUT": polygon_layer(), "RASTER": raster, "MODEL": model, "OUTPUT": str(tmp_path / f"out.{ending}")}, heard)
    written = rows(QgsVectorLayer(found["OUTPUT"], "out"))[0]
    kept = str(next(value for name, value in written.items() if name.startswith("descriptio")))
    assert kept.endswith("...") and text.startswith(kept[:-3]) and text[len(kept) - 3] in " ,"
    assert 200 < len(kept.encode()) <= 254
    assert any(warning.startswith("7 texts were too long") for warning in heard.warnings)


def test_batch_runs_one_set_of_values_after_the_other(model: str, raster: QgsRasterLayer, tmp_path: Path) -> None:
    """As the batch window does: the same algorithm, created anew for each row."""
    from processing.gui.AlgorithmExecutor import execute

    algorithm, counted = algorithm_of("describe_polygons"), []
    for number, places in enumerate((PLACES[:2], PLACES[2:], [OUTSIDE])):
        context = QgsProcessingContext()
        context.setProject(QgsProject.instance())
        values = {"INPUT": polygon_layer(places=places), "RASTER": raster, "MODEL": model, "DEVICE": "cpu",
                  "STYLE": number, "OUTPUT": str(tmp_path / f"{number}.gpkg")}
        worked, results = execute(algorithm.create(), values, context, Heard())
        assert worked
        counted.append((results["OK_COUNT"], results["OUTSIDE_COUNT"]))
    assert counted == [(2, 0), (5, 0), (0, 1)]
    assert len(rows(QgsVectorLayer(str(tmp_path / "1.gpkg"), "one"))) == 5


def _model_of_two_steps(model: str) -> QgsProcessingModelAlgorithm:
    """Describe, then keep the rows that are ok."""
    made = QgsProcessingModelAlgorithm("describe and keep", "tests")
    made.addModelParameter(QgsProcessingParameterFeatureSource("PLOTS", "plots"), QgsProcessingModelParameter("PLOTS"))
    made.addModelParameter(QgsProcessingParameterRasterLayer("SCENE", "scene"), QgsProcessingModelParameter("SCENE"))
    source = QgsProcessingModelChildParameterSource
    first = QgsProcessingModelChildAlgorithm("aquila:describe_polygons")
    first.setChildId("describe")
    fixed = {"STYLE": 0, "FIELD": "what", "EXTRAS": [2], "MODEL": model, "DEVICE": "cpu", "BATCH_SIZE": 4,
             "CONTEXT": 0, "AS_DISPLAYED": False}
    for name, value in fixed.items():
        first.addParameterSources(name, [source.fromStaticValue(value)])
    first.addParameterSources("INPUT", [source.fromModelParameter("PLOTS")])
    first.addParameterSources("RASTER", [source.fromModelParameter("SCENE")])
    made.addChildAlgorithm(first)
    second = QgsProcessingModelChildAlgorithm("native:extractbyexpression")
    second.setChildId("keep")
    second.addParameterSources("INPUT", [source.fromChildOutput("describe", "OUTPUT")])
    second.addParameterSources("EXPRESSION", [source.fromStaticValue("\"status\" = 'ok'")])
    output = QgsProcessingModelOutput("KEPT")
    output.setChildId("keep")
    output.setChildOutputName("OUTPUT")
    second.setModelOutputs({"KEPT": output})
    made.addChildAlgorithm(second)
    made.updateDestinationParameters()
    return made


def test_it_is_a_step_of_a_model(model: str, raster: QgsRasterLayer) -> None:
    import processing

    layer = polygon_layer(places=[*PLACES, OUTSIDE])
    found = processing.run(_model_of_two_steps(model), {
        "PLOTS": layer, "SCENE": raster, "keep:KEPT": "memory:"}, feedback=Heard())
    kept = rows(found["keep:KEPT"])
    assert list(kept[0]) == ["what", "status"] and len(kept) == 7 and all(row["what"] for row in kept)
    with pytest.raises(QgsProcessingException):
        processing.run(_model_of_two_steps("absent"), {
            "PLOTS": layer, "SCENE": raster, "keep:KEPT": "memory:"}, feedback=Heard())


def test_each_wrong_value_gets_one_sentence(model: str, raster: QgsRasterLayer, tmp_path: Path) -> None:
    layer = polygon_layer(["plot:integer", "note:string(0)"])
    good = {"INPUT": layer, "RASTER": raster, "MODEL": model}
    points = QgsVectorLayer("Point?crs=EPSG:32633", "points", "memory")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text("{", encoding="utf-8")
    assert problem("describe_polygons", good) == ""
    assert "absent.tif not found" in problem("describe_polygons", {**good, "RASTER": str(tmp_path / "absent.tif")})
    wrong = [
        ({"INPUT": points}, "points is no polygon layer"),
        ({"INPUT": _selected(polygon_layer(), [])}, "No polygon of plots is selected"),
        ({"BANDS": "4,3"}, "give one number (grey) or three"),
        ({"BANDS": "red"}, "give one number (grey) or three"),
        ({"BANDS": "1,2,9"}, "has bands 1 to 3"),
        ({"BANDS": "3,2,1", "AS_DISPLAYED": True}, "exclude each other"),
        ({"DEVICE": "tpu"}, "“tpu” is no device"),
        ({"MODEL": "absent"}, "no model absent"),
        ({"MODEL": str(tmp_path / "broken")}, "cannot be read as JSON"),
        ({"FIELD": "plot"}, "field “plot” is of another type"),
        ({"FIELD": "status"}, "Two results would be written to the field “status”"),
        ({"FIELD": " "}, "has no name"),
        ({"PROMPT": "<region2>"}, "region"),
    ]
    for values, expected in wrong:
        sentence = problem("describe_polygons", {**good, **values})
        assert expected in sentence
        assert sentence.endswith(".") and "\n" not in sentence, sentence
    assert "at least two" in problem("classify_polygons", {**good, "LABELS": "forest, forest"})
    assert "prompt is empty" in problem("ask_polygons", {**good, "QUESTION": "  "})
    with pytest.raises(QgsProcessingException, match="no model absent"):
        run("describe_polygons", {**good, "MODEL": "absent"})


def test_without_torch_everything_is_there_but_running(
    model: str, raster: QgsRasterLayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aquila_qgis_plugin.environment import runtime

    sentence = "PyTorch is not installed; open Aquila → Set up to install it."
    monkeypatch.setattr(runtime, "state", lambda: runtime.RuntimeState(False, sentence, None, {}))
    algorithm = algorithm_of("describe_polygons")
    assert algorithm.canExecute() == (False, sentence)
    assert algorithm.parameterDefinition("STYLE") is not None and algorithm.shortHelpString()
    values = {"INPUT": polygon_layer(), "RASTER": raster, "MODEL": model}
    assert problem("describe_polygons", values) == sentence
    with pytest.raises(QgsProcessingException, match="PyTorch is not installed"):
        run("describe_polygons", values)


def test_real_imagery_with_the_built_in_model(shared_data: Path) -> None:
    scene = shared_data / "scenes" / "naip" / "claremont_2020_12.tif"
    raster = QgsRasterLayer(str(scene), "naip")
    layer = QgsVectorLayer(f"Polygon?crs={raster.crs().authid()}", "plots", "memory")
    extent, features = raster.extent(), []
    for number in range(4):
        west, north = extent.xMinimum() + 30 * number, extent.yMaximum() - 30 * number
        feature = QgsFeature()
        feature.setGeometry(QgsGeometry.fromRect(QgsRectangle(west, north - 40, west + 40, north)))
        features.append(feature)
    layer.dataProvider().addFeatures(features)
    found = run("describe_polygons", {"INPUT": layer, "RASTER": raster, "MODEL": "nano"})
    written = rows(found["OUTPUT"])
    assert found["OK_COUNT"] == 4 and all(row["description"].endswith(".") for row in written)
    false_colour = rows(run("describe_polygons", {
        "INPUT": layer, "RASTER": raster, "MODEL": "nano", "BANDS": "4,1,2"})["OUTPUT"])
    assert [row["description"] for row in false_colour] != [row["description"] for row in written]
    shown = run("describe_polygons", {"INPUT": layer, "RASTER": raster, "MODEL": "nano", "AS_DISPLAYED": True})
    assert shown["OK_COUNT"] == 4


def test_every_algorithm_says_who_it_is() -> None:
    provider = QgsApplication.processingRegistry().providerById("aquila")
    names = sorted(algorithm.name() for algorithm in provider.algorithms())
    assert names == [
        "ask_polygons", "classify_polygons", "compare_polygons", "describe_polygons", "region_embeddings", "similarity"]
    assert Path(provider.svgIconPath()).is_file() and not provider.icon().isNull()
    for algorithm in provider.algorithms():
        assert Path(algorithm.svgIconPath()).is_file() and algorithm.tags() and algorithm.group()
        assert algorithm.shortDescription().endswith(".") and len(algorithm.shortHelpString()) > 200
        assert all(definition.description() for definition in algorithm.parameterDefinitions())
