"""The user's choices: those of the profile in QGIS's settings, those of a project in the project."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple, Type, TypeVar

from qgis.core import QgsProject, QgsSettings
from qtpy.QtCore import QObject, Signal

from aquila_qgis_plugin.model_options import ModelOptions

GROUP = "aquila"
_PROJECT_KEY = "/dock"
# What happens to results in a layer that was not being edited.
ASK, COMMIT, LEAVE_OPEN = "ask", "commit", "leave"
AFTER_RUN = (ASK, COMMIT, LEAVE_OPEN)
# How much the newest run counts in the remembered pace.
_NEWEST = 0.5

T = TypeVar("T")


class Notice(QObject):
    """``changed`` is emitted whenever settings have been saved."""

    changed = Signal()


NOTICE = Notice()


@dataclass
class Settings:
    """What is the same in every project.

    ``prompts`` are the user's own as (name, prompt); ``model_folders`` are models the user added; ``runtime_folder`` is
    a Python environment the user pointed to and ``install_folder`` where Aquila installs its own ("" for the usual
    place). ``paces`` maps "model|device|style" to seconds per polygon, as measured.
    """

    model: str = "nano"
    device: str = "auto"
    dtype: str = "auto"
    batch_size: int = 32
    after_run: str = ASK
    prompts: List[Tuple[str, str]] = field(default_factory=list)
    model_folders: List[str] = field(default_factory=list)
    runtime_folder: str = ""
    install_folder: str = ""
    paces: Dict[str, float] = field(default_factory=dict)

    def model_options(self) -> ModelOptions:
        """How the model is to be loaded and run."""
        return ModelOptions(model=self.model, device=self.device, dtype=self.dtype, batch_size=self.batch_size)

    def pace(self, model: str, device: str, style: str) -> Optional[float]:
        """Seconds per polygon in earlier runs, of another style if this one never ran; ``None`` if none ever did."""
        exact = self.paces.get(_pace_key(model, device, style))
        if exact is not None:
            return exact
        similar = [pace for key, pace in self.paces.items() if key.startswith(f"{model}|{device}|")]
        return sum(similar) / len(similar) if similar else None

    def learn_pace(self, model: str, device: str, style: str, seconds_per_polygon: float) -> None:
        """Take a run's pace into account, the newest most."""
        key = _pace_key(model, device, style)
        before = self.paces.get(key, seconds_per_polygon)
        self.paces[key] = before + _NEWEST * (seconds_per_polygon - before)


@dataclass(frozen=True)
class ProjectState:
    """What the dock remembers in a project; layers by id, "" for none. Empty field names stand for the usual ones."""

    raster: str = ""
    polygons: str = ""
    selected_only: bool = True
    style: str = "description"
    labels: str = ""
    prompt: str = ""
    target: str = ""
    extras: Mapping[str, str] = field(default_factory=dict)
    model: str = ""
    device: str = ""
    as_displayed: bool = False


def load() -> Settings:
    """The profile's settings; whatever cannot be read keeps its default."""
    store = QgsSettings()
    found = _read(Settings, lambda name: store.value(f"{GROUP}/{name}"))
    found.prompts = [(row[0], row[1]) for row in found.prompts if _is_texts(row) and len(row) == 2]
    found.model_folders = [folder for folder in found.model_folders if isinstance(folder, str)]
    found.paces = {key: pace for key, pace in found.paces.items() if isinstance(pace, float) and pace > 0}
    found.batch_size = max(1, found.batch_size)
    if found.after_run not in AFTER_RUN:
        found.after_run = ASK
    return found


def save(settings: Settings) -> None:
    """Keep the settings in the profile."""
    store = QgsSettings()
    for name, value in asdict(settings).items():
        store.setValue(f"{GROUP}/{name}", json.dumps(value))
    NOTICE.changed.emit()


def load_state(project: QgsProject) -> ProjectState:
    """What the dock remembered in the project; the defaults in a project that never saw Aquila."""
    return _read(ProjectState, lambda name: project.readEntry(GROUP, f"{_PROJECT_KEY}/{name}")[0])


def save_state(project: QgsProject, state: ProjectState) -> None:
    """Put the dock's state into the project; it reaches the file when the project is saved."""
    for name, value in asdict(state).items():
        project.writeEntry(GROUP, f"{_PROJECT_KEY}/{name}", json.dumps(value))


def _read(kind: Type[T], text_of: Callable[[str], Any]) -> T:
    blank = kind()
    names = [entry.name for entry in fields(kind)]
    return replace(blank, **{name: _value(text_of(name), getattr(blank, name)) for name in names})


def _value(text: Any, default: Any) -> Any:
    """What was stored, if it is of the same kind as the default; settings may come from another version, or a hand."""
    try:
        value = json.loads(text) if isinstance(text, str) else default
    except ValueError:
        return default
    return value if type(value) is type(default) else default


def _is_texts(row: Any) -> bool:
    return isinstance(row, list) and all(isinstance(text, str) for text in row)


def _pace_key(model: str, device: str, style: str) -> str:
    return f"{model}|{device}|{style}"
