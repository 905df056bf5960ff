"""Region embeddings: every polygon as the vector that the model has of it."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional

from qgis.core import (
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterString,
)

from aquila_qgis_plugin.compat import real_field
from aquila_qgis_plugin.models import model_folder
from aquila_qgis_plugin.processing.columns import Column, status_column
from aquila_qgis_plugin.processing.parameters import MODEL, Setup
from aquila_qgis_plugin.processing.polygon_algorithm import INPUT, PolygonAlgorithm
from aquila_qgis_plugin.translation import tr
from core_model.config import AquilaConfig

if TYPE_CHECKING:
    from core_model.describer import Describer
    from core_model.embeddings import Embedding
    from core_model.geo.raster import Picture
    from core_model.geo.regions import Region

UNIT, PREFIX, TABLE = "UNIT", "PREFIX", "TABLE"
# What language models call the width of their embeddings in config.json.
_WIDTHS = ("hidden_size", "n_embd", "d_model")


class RegionEmbeddings(PolygonAlgorithm):
    """The mask token of every polygon, in fields or in a table beside the layer."""

    NAME = "region_embeddings"

    def displayName(self) -> str:  # noqa: N802 (QGIS's name)
        """The name in the toolbox."""
        return tr("Region embeddings")

    def tags(self) -> List[str]:
        """Words to find it by."""
        return tr("embedding,vector,features,mask token,clustering,similarity,raster,AI,machine learning").split(",")

    def shortDescription(self) -> str:  # noqa: N802 (QGIS's name)
        """One sentence for the tooltip."""
        return tr("Writes the vector that the model has of each polygon, for clustering, search or a classifier.")

    def shortHelpString(self) -> str:  # noqa: N802 (QGIS's name)
        """What the dialog explains."""
        return tr(
            "Writes the model's vector of each polygon: its mask token, which is made of the picture's features inside "
            "the polygon and is what the model reads when it describes it. Polygons that look alike have vectors that "
            "point the same way. It holds neither the surroundings nor the polygon's shape and place.\n\n"
            "The vectors go into number fields (<b>prefix</b> and a number: e0, e1, …), into a <b>table</b> (CSV with "
            "the feature's id, its status and the vector), or into both; an empty prefix makes no fields.\n\n"
            "With <b>length 1</b> the sum of products of two vectors is their cosine similarity. Vectors of different "
            "models cannot be compared."
        )

    def outputName(self) -> str:  # noqa: N802 (QGIS's name)
        """What the result is called."""
        return tr("Polygons with vectors")

    def flags(self) -> Any:
        """Without editing in place: nobody's layer has the fields already."""
        return super().flags() & ~QgsProcessingAlgorithm.Flag.FlagSupportsInPlaceEdits

    def supportInPlaceEdit(self, layer: Any) -> bool:  # noqa: N802, ARG002 (QGIS's name)
        """Never: see ``flags``."""
        return False

    def add_parameters(self) -> None:
        """Length, prefix and table."""
        self.addParameter(QgsProcessingParameterBoolean(UNIT, tr("Scale vectors to length 1"), True))
        self.addParameter(QgsProcessingParameterString(
            PREFIX, tr("Prefix of the fields (empty: no fields)"), "e", optional=True))
        self.addParameter(QgsProcessingParameterFileDestination(
            TABLE, tr("Table of vectors"), tr("CSV files (*.csv)"), optional=True, createByDefault=False))

    def columns(self, values: Mapping[str, Any], context: QgsProcessingContext) -> List[Column]:
        """See ``PolygonAlgorithm.columns``."""
        columns = [status_column(self.parameterAsSource(values, INPUT, context).fields())]
        prefix = self.parameterAsString(values, PREFIX, context).strip()
        if prefix:
            length = _length(self.parameterAsString(values, MODEL, context).strip())
            columns += [Column(real_field(f"{prefix}{n}"), partial(_number, n)) for n in range(length or 0)]
        return columns

    def problem(self, values: Mapping[str, Any], context: QgsProcessingContext) -> str:
        """See ``AquilaAlgorithm.problem``."""
        problem = super().problem(values, context) or _table_problem(self.parameterAsFileOutput(values, TABLE, context))
        if problem or not self.parameterAsString(values, PREFIX, context).strip():
            return problem
        if _length(self.parameterAsString(values, MODEL, context).strip()) is None:
            return tr("This model does not say how long its vectors are; empty the prefix and write a table.")
        return ""

    def read_values(self, values: Mapping[str, Any], context: QgsProcessingContext) -> None:
        """See ``PolygonAlgorithm.read_values``."""
        self._unit = self.parameterAsBool(values, UNIT, context)

    def outcomes(
        self, describer: Describer, picture: Picture, polygons: Iterator[Region], setup: Setup,
        told: Callable[[int, int], None], is_cancelled: Callable[[], bool],
    ) -> Iterator[Embedding]:
        """See ``PolygonAlgorithm.outcomes``."""
        from core_model.embeddings import Embedder  # noqa: PLC0415 (needs torch)

        embedder = Embedder(describer.loaded, batch_size=describer.batch_size)
        return embedder.embed(
            picture, polygons, unit=self._unit, wider=setup.wider, progress=told, is_cancelled=is_cancelled)

    def more_outputs(
        self, found: Mapping[int, Any], values: Mapping[str, Any], context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> Dict[str, Any]:
        """The table, if it is wanted."""
        path = self.parameterAsFileOutput(values, TABLE, context)
        if not path:
            return {}
        try:
            _write_table(Path(path), found)
        except OSError as error:  # since the run began; the layer is there all the same
            feedback.reportError(_not_written(error), False)
            return {}
        return {TABLE: path}


def _length(model: str) -> Optional[int]:
    """How many numbers a model's vectors have, ``None`` where its configuration does not say."""
    config = AquilaConfig.load(model_folder(model))
    widths = [config.language.huggingface[name] for name in _WIDTHS if name in config.language.huggingface]
    return int(widths[0]) * config.extractor.mask_tokens if widths else None


def _number(place: int, found: Embedding) -> Optional[float]:
    return None if found.vector is None else float(found.vector[place])


def _table_problem(path: str) -> str:
    """One sentence that says why a table cannot be written, "" if it can; a file that is there is left as it is."""
    if not path:
        return ""
    is_new = not Path(path).exists()
    try:
        with Path(path).open("ab"):
            pass
        if is_new:
            Path(path).unlink()
    except OSError as error:
        return _not_written(error)
    return ""


def _not_written(error: OSError) -> str:
    return tr("The table cannot be written ({reason}); choose another file.").format(reason=error.strerror)


def _write_table(path: Path, found: Mapping[int, Any]) -> None:
    """One row per polygon in the order of their ids: id, status, and the vector where there is one."""
    length = max((len(each.vector) for each in found.values() if each.vector is not None), default=0)
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["fid", "status", *(f"e{number}" for number in range(length))])
        for number in sorted(found):
            vector = found[number].vector
            numbers = [""] * length if vector is None else [f"{value:.7g}" for value in vector]
            rows.writerow([number, found[number].status, *numbers])
