"""The three pages of the guided step: install, use an environment that exists, or install by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

from qgis.gui import QgsFileWidget
from qtpy.QtCore import Signal
from qtpy.QtGui import QFontDatabase, QGuiApplication
from qtpy.QtWidgets import (
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from aquila_qgis_plugin.environment import runtime
from aquila_qgis_plugin.environment.folders import InstallFolder, Progress, folder_in, free_bytes
from aquila_qgis_plugin.environment.hardware import Build, Hardware
from aquila_qgis_plugin.figures import tenths_text
from aquila_qgis_plugin.paths import whole_path

_GIGABYTE = 1e9
# Wheels are compressed: what they unpack to, at most, as a multiple.
_UNPACKED = 4.0


class InstallPage(QWidget):
    """What is installed where and from what; knows the sizes but starts nothing itself."""

    install_clicked = Signal()
    remove_clicked = Signal()

    def __init__(self, hardware: Hardware, base: Path, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self._hardware = hardware
        self.explanation = _sentence()
        self.base = _folder_chooser(self.tr("Folder for the packages"))
        self.base.setFilePath(str(base))
        self.wheels = _folder_chooser(self.tr("Folder of wheels"))
        self.wheels.lineEdit().setPlaceholderText(self.tr("only without a network: a folder with .whl files"))
        self.extra_index = QLineEdit()
        self.extra_index.setPlaceholderText(self.tr("optional: an index with CPU or CUDA builds of PyTorch"))
        self.space = _sentence()
        self.install_button = QPushButton()
        self.remove_button = QPushButton(self.tr("Remove"))
        self._lay_out()
        self.install_button.clicked.connect(self.install_clicked)
        self.remove_button.clicked.connect(self.remove_clicked)
        for changed in (self.base.fileChanged, self.wheels.fileChanged, self.extra_index.textChanged):
            changed.connect(lambda _text: self.refresh())

    def folder(self) -> InstallFolder:
        """Where the packages go, inside the folder chosen."""
        return folder_in(self.base.filePath().strip())

    def wheel_folder(self) -> Optional[Path]:
        """The folder of wheels, if one is given."""
        chosen = self.wheels.filePath().strip()
        return whole_path(chosen) if chosen else None

    def build(self) -> Build:
        """What will be installed, with its sizes."""
        build = self._hardware.build(other_index=bool(self.extra_index.text().strip()))
        wheels = self.wheel_folder()
        if wheels is None:
            return build
        size = float(sum(wheel.stat().st_size for wheel in wheels.glob("*.whl")))
        return Build(self.tr("The wheels in the folder are installed; nothing is downloaded."), size, size * _UNPACKED)

    def missing_bytes(self) -> float:
        """How much room lacks on the disk, 0 if there is enough."""
        return max(0.0, self.build().needed - free_bytes(self.folder().root))

    def refresh(self) -> None:
        """Say what the button will do, and what it takes."""
        folder, build = self.folder(), self.build()
        progress = folder.progress()
        self.explanation.setText(build.explanation)
        words = self.tr("About {download} to fetch, {needed} of disk while installing; {free} are free.")
        sizes = {"download": build.download, "needed": build.needed, "free": free_bytes(folder.root)}
        self.space.setText(words.format(**{name: gigabytes(size) for name, size in sizes.items()}))
        self.install_button.setText(self.tr("Install") if progress is Progress.ABSENT else self.tr("Repair"))
        self.remove_button.setVisible(progress is not Progress.ABSENT)

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.addRow(self.tr("Install into"), self.base)
        form.addRow(self.tr("Other package index"), self.extra_index)
        form.addRow(self.tr("Folder of wheels"), self.wheels)
        buttons = QHBoxLayout()
        buttons.addStretch()
        buttons.addWidget(self.remove_button)
        buttons.addWidget(self.install_button)
        layout = QVBoxLayout(self)
        layout.addWidget(_sentence(self.tr(
            "PyTorch and its companions go into a folder of their own; QGIS and its Python stay as they are.")))
        layout.addWidget(self.explanation)
        layout.addLayout(form)
        layout.addWidget(self.space)
        layout.addLayout(buttons)
        layout.addStretch()


class ExistingPage(QWidget):
    """An environment that the user already has: a virtual one, a conda one or a site-packages folder."""

    used = Signal(str)

    def __init__(self, chosen: str, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self.chooser = _folder_chooser(self.tr("Environment"))
        self.chooser.setFilePath(chosen)
        self.finding = _sentence()
        self.use_button = QPushButton(self.tr("Use this environment"))
        self.forget_button = QPushButton(self.tr("Do not use it any more"))
        buttons = QHBoxLayout()
        buttons.addStretch()
        buttons.addWidget(self.forget_button)
        buttons.addWidget(self.use_button)
        layout = QVBoxLayout(self)
        layout.addWidget(_sentence(self.tr(
            "Choose the root of a virtual or conda environment, or its site-packages folder. It must be for the "
            "Python version of QGIS. Nothing in it is changed.")))
        layout.addWidget(self.chooser)
        layout.addWidget(self.finding)
        layout.addLayout(buttons)
        layout.addStretch()
        self.chooser.fileChanged.connect(lambda _path: self.refresh())
        self.use_button.clicked.connect(lambda: self.used.emit(self.chooser.filePath().strip()))
        self.forget_button.clicked.connect(self._forget)
        self.refresh()

    def refresh(self) -> None:
        """Say whether the folder chosen can be used."""
        chosen = self.chooser.filePath().strip()
        problem = runtime.chosen_problem(whole_path(chosen)) if chosen else ""
        self.finding.setText(problem or (self.tr("This environment has everything.") if chosen else ""))
        self.use_button.setEnabled(bool(chosen) and not problem)
        self.forget_button.setVisible(bool(chosen))

    def _forget(self) -> None:
        self.chooser.setFilePath("")
        self.used.emit("")


class RecipePage(QWidget):
    """The commands for a computer without a network, to copy."""

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        copy = QPushButton(self.tr("Copy"))
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.text.toPlainText()))
        buttons = QHBoxLayout()
        buttons.addStretch()
        buttons.addWidget(copy)
        layout = QVBoxLayout(self)
        layout.addWidget(self.text)
        layout.addLayout(buttons)


def gigabytes(size: float) -> str:
    """A size in words, for example "1.5 GB"."""
    return f"{tenths_text(size / _GIGABYTE)} GB"


def _folder_chooser(title: str) -> QgsFileWidget:
    chooser = QgsFileWidget()
    chooser.setStorageMode(QgsFileWidget.StorageMode.GetDirectory)
    chooser.setDialogTitle(title)
    return chooser


def _sentence(text: str = "") -> QLabel:
    label = QLabel(text)
    label.setWordWrap(True)
    return label
