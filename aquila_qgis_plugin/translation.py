"""What the user reads, in the user's language."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

from qgis.core import QgsApplication
from qtpy.QtCore import QCoreApplication, QLocale, QTranslator

CONTEXT = "Aquila"
CATALOGUES = Path(__file__).resolve().parent / "i18n"


def tr(text: str) -> str:
    """The text in the user's language, or as it is where no catalogue has it."""
    return QCoreApplication.translate(CONTEXT, text)


def install(locale: str = "") -> Optional[QTranslator]:
    """Install the catalogue for a locale (QGIS's own if none is given); ``None`` where there is none.

    The caller keeps the translator and hands it to ``remove``.
    """
    translator = QTranslator()
    if not translator.load(QLocale(locale or QgsApplication.locale()), "aquila", "_", str(CATALOGUES)):
        return None
    QCoreApplication.installTranslator(translator)
    return translator


def remove(translator: Optional[QTranslator]) -> None:
    """Take an installed catalogue out again."""
    if translator is not None:
        QCoreApplication.removeTranslator(translator)
