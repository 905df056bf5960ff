from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any, Callable

import pytest
from qtpy.QtCore import QLocale

from core_model import folders
from core_model.config import AquilaConfig
from tests.plugin.waiting import wait_until


@pytest.fixture()
def folder(tmp_path: Path) -> Path:
    """A copy of nano, as a user's own model folder."""
    from core_model.folders import MODELS

    return Path(shutil.copytree(MODELS / "nano", tmp_path / "mine"))


def test_nano_is_built_in_with_its_size_need_and_licence() -> None:
    from aquila_qgis_plugin.model_check import built_in_models

    nano = next(entry for entry in built_in_models() if entry.key == "nano")
    assert nano.problem == "" and nano.built_in
    assert 10e6 < nano.bytes < 20e6
    assert 5e6 < nano.parameters < 10e6
    assert nano.image_size == 256
    assert nano.need() == "CPU is enough"
    assert nano.licence == "GPL-2.0-or-later"


def test_a_users_folder_is_called_by_its_path_and_named_by_its_config(folder: Path) -> None:
    from aquila_qgis_plugin.model_check import built_in_models, inspect_folder

    found, nano = inspect_folder(folder), built_in_models()[0]
    assert (found.key, found.name, found.problem) == (str(folder), "nano", "")
    assert (found.bytes, found.parameters) == (nano.bytes, nano.parameters)
    assert not found.built_in


def test_the_check_imports_no_torch(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from aquila_qgis_plugin.model_check import inspect_folder

    for name in ("torch", "safetensors", "transformers"):
        monkeypatch.setitem(sys.modules, name, None)
    assert inspect_folder(folder).problem == ""


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        ("---\nlicense: apache-2.0\n---\n# A model\n", "apache-2.0"),
        ("# A model\n\n**Licence:** CC BY-NC 4.0.\n", "CC BY-NC 4.0"),
        ("# A model\n\n## License\n\nMIT\n\n## More\n", "MIT"),
        ("| data | licence | attribution |\n|---|---|---|\n| a | CC0 | b |\n", ""),
    ],
)
def test_the_licence_is_read_from_the_model_card(folder: Path, card: str, licence: str) -> None:
    from aquila_qgis_plugin.model_check import inspect_folder

    (folder / "README.md").write_text(card, encoding="utf-8")
    assert inspect_folder(folder).licence == licence


def test_weights_in_several_files_count_together(folder: Path) -> None:
    from aquila_qgis_plugin.model_check import inspect_folder

    whole = inspect_folder(folder)
    shards = [folder / f"model-0000{number}-of-00002.safetensors" for number in (1, 2)]
    _split(folder / "model.safetensors", shards, folder / "model.safetensors.index.json")
    (folder / "model.safetensors").unlink()
    found = inspect_folder(folder)
    assert found.problem == ""
    assert found.parameters == whole.parameters
    shards[1].unlink()
    assert inspect_folder(folder).problem == (
        "The weight file model-00002-of-00002.safetensors is missing; copy the folder again.")


def _split(path: Path, shards: list, index: Path) -> None:
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    head, data = json.loads(content[8 : 8 + length]), content[8 + length:]
    head.pop("__metadata__")
    names = sorted(head)
    places = {}
    for shard, part in zip(shards, (names[::2], names[1::2])):
        tensors, body = {}, bytearray()
        for name in part:
            begin, end = head[name]["data_offsets"]
            tensors[name] = {**head[name], "data_offsets": [len(body), len(body) + end - begin]}
            body += data[begin:end]
            places[name] = shard.name
        text = json.dumps(tensors).encode()
        shard.write_bytes(len(text).to_bytes(8, "little") + text + body)
    index.write_text(json.dumps({"weight_map": places}), encoding="utf-8")


def _cut(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])


def _change_config(folder: Path, **values: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **values}), encoding="utf-8")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (shutil.rmtree, "is not there"),
        (lambda folder: (folder / "config.json").unlink(), "no config.json"),
        (lambda folder: (folder / "config.json").write_text("{", encoding="utf-8"), "cannot be read as JSON"),
        (lambda folder: (folder / "config.json").write_text("[]", encoding="utf-8"), "not an Aquila configuration"),
        (lambda folder: _change_config(folder, depth=3), "unknown fields"),
        (lambda folder: _change_config(folder, image_level="deep"), "must be a whole number"),
        (lambda folder: _change_config(folder, encoder={"image_size": "large"}), "must be a whole number"),
        (lambda folder: (folder / "model.safetensors").unlink(), "model.safetensors is missing"),
        (_cut, "cut off"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"PK\x03\x04 a zip, really"), "no safetensors file"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b""), "cut off"),
        (lambda folder: (folder / "model.safetensors.index.json").write_text("{}", encoding="utf-8"), "cannot be read"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "tokenizer"),
    ],
)
def test_a_spoilt_folder_gets_one_sentence(folder: Path, spoil: Callable[[Path], object], words: str) -> None:
    from aquila_qgis_plugin.model_check import inspect_folder

    spoil(folder)
    found = inspect_folder(folder)
    assert words in found.problem
    assert found.problem[0].isupper() or found.problem.startswith(str(folder))
    assert found.need() == ""


@pytest.mark.parametrize(
    ("parameters", "need"), [(6e6, "CPU is enough"), (1.1e9, "a CPU is slow"), (7e9, "GPU of 18 GB")]
)
def test_larger_models_need_more(parameters: float, need: str) -> None:
    from aquila_qgis_plugin.model_check import ModelEntry

    assert need in ModelEntry("m", "m", Path("m"), parameters=int(parameters)).need()


def test_a_config_that_no_model_has_is_refused_as_the_model_itself_would(folder: Path) -> None:
    from aquila_qgis_plugin.model_check import inspect_folder
    from core_model.errors import ModelError

    _change_config(folder, image_level=9)
    with pytest.raises(ModelError) as refused:
        AquilaConfig.load(folder)
    assert inspect_folder(folder).problem.lower() == str(refused.value).lower()


def test_a_folder_is_added_checked_and_removed(folder: Path) -> None:
    from aquila_qgis_plugin.model_list import ModelList

    models = ModelList()
    models.add_folder(str(folder))
    models.add_folder(str(folder))
    assert models.folders() == [str(folder)]
    wait_until(lambda: str(folder) in [entry.key for entry in models.entries()])
    size = sum(path.stat().st_size for path in folders.MODELS.joinpath("nano").glob("*.safetensors")) / 1e6
    assert _row(models, 1) == ["nano", f"{size:.1f} MB", "CPU is enough", "not stated"]
    models.remove_selected()
    assert models.folders() == []
    assert [entry.key for entry in models.entries()] == ["nano"]


def test_a_built_in_model_cannot_be_removed(qgis_app: object) -> None:
    from aquila_qgis_plugin.model_list import ModelList

    models = ModelList()
    models.remove_selected()
    assert [entry.key for entry in models.entries()] == ["nano"]


def test_a_folder_that_cannot_be_used_stays_listed_and_says_why(tmp_path: Path) -> None:
    from aquila_qgis_plugin.model_list import ModelList

    gone = str(tmp_path / "gone")
    models = ModelList([gone])
    wait_until(lambda: len(models.entries()) == 2)
    assert models.folders() == [gone]
    assert _row(models, 1)[3] == "cannot be used"
    models.add_folder(gone)
    assert "plug its disk in" in models._details.text()


def test_a_check_that_comes_back_after_the_list_is_gone_harms_nothing(folder: Path) -> None:
    from qgis.core import QgsApplication
    from qtpy import sip

    from aquila_qgis_plugin.model_list import ModelList

    models = ModelList([str(folder)])
    sip.delete(models)
    wait_until(lambda: QgsApplication.taskManager().countActiveTasks() == 0)


def test_sizes_are_written_as_in_the_users_country() -> None:
    from aquila_qgis_plugin.environment.dialog_pages import gigabytes
    from aquila_qgis_plugin.model_check import ModelEntry
    from aquila_qgis_plugin.model_list import ModelList, megabytes

    before = QLocale()
    QLocale.setDefault(QLocale("de"))
    try:
        large = ModelEntry("big", "big", Path("big"), parameters=7_060_000_000, image_size=512)
        assert ModelList()._detail_text(large).startswith("7.060,0 million parameters")
        assert (megabytes(14_120_000_000), megabytes(13_500_000), gigabytes(1.5e9)) == ("14,1 GB", "13,5 MB", "1,5 GB")
    finally:
        QLocale.setDefault(before)


def _row(models: Any, number: int) -> list:
    item = models._tree.topLevelItem(number)
    return [item.text(column) for column in range(4)]
