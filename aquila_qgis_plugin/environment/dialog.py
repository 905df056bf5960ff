"""The guided step that gets torch and its companions onto the user's machine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Optional

from qgis.core import QgsApplication
from qtpy.QtGui import QFontDatabase
from qtpy.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QMessageBox,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from aquila_qgis_plugin import settings
from aquila_qgis_plugin.environment import runtime
from aquila_qgis_plugin.environment.dialog_pages import ExistingPage, InstallPage, RecipePage, gigabytes
from aquila_qgis_plugin.environment.folders import InUseError, default_base
from aquila_qgis_plugin.environment.hardware import find_hardware
from aquila_qgis_plugin.environment.installer import Installer
from aquila_qgis_plugin.environment.interpreter import find_python
from aquila_qgis_plugin.environment.recipe import Recipe, standard_requirements

_OUTPUT_LINES = 5000
_ICON_SIZE = 24


class SetupDialog(QDialog):
    """Says whether the model can run, and offers three ways: install, use an environment that exists, or by hand."""

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self.setObjectName("aquilaSetupDialog")
        self.setWindowTitle(self.tr("Set up Aquila"))
        self.resize(760, 560)
        kept = settings.load()
        self._installer: Optional[Installer] = None
        self._python = find_python()
        self.icon, self.status = QLabel(), QLabel()
        self.install_page = InstallPage(find_hardware(), Path(kept.install_folder or default_base()))
        self.existing_page = ExistingPage(kept.runtime_folder)
        self.recipe_page = RecipePage()
        self.pages = QTabWidget()
        self.doing, self.bar, self.output = QLabel(), QProgressBar(), QPlainTextEdit()
        self.stop_button = QPushButton(self.tr("Stop"))
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self._lay_out()
        self._connect()
        self.refresh()

    def refresh(self) -> None:
        """Look anew at what is there, and say so."""
        runtime.forget()
        found = runtime.state()
        icon = "/mIconSuccess.svg" if found.usable else "/mIconWarning.svg"
        self.icon.setPixmap(QgsApplication.getThemeIcon(icon).pixmap(_ICON_SIZE, _ICON_SIZE))
        self.status.setText(self._words(found))
        self.install_page.refresh()
        self.existing_page.refresh()
        self._show_recipe()

    def install(self) -> None:
        """Install as the first page says; what is there already is replaced."""
        recipe = self._recipe()
        if recipe is None:
            self.doing.setText(self.tr("QGIS's Python was not found; use an existing environment instead."))
        elif self._is_roomy():
            self._keep(install_folder=self._chosen_base())
            self.output.setPlainText(" ".join([str(recipe.python), *recipe.install()]))
            self._start(Installer(recipe, download_bytes=self.install_page.build().download, parent=self))

    def remove(self) -> None:
        """Remove Aquila's own installation, after a question."""
        folder = self.install_page.folder()
        if not self._confirm(self.tr("Remove the packages in {folder}?").format(folder=folder.root)):
            return
        try:
            folder.remove()
        except InUseError as error:
            self.doing.setText(str(error))
            return
        self.doing.setText(self.tr("Removed."))
        self.refresh()

    def use_existing(self, folder: str) -> None:
        """From now on look into the folder of the second page, or with "" no longer."""
        self._keep(runtime_folder=folder)
        self.refresh()

    def reject(self) -> None:
        """Close, by the button, the window's cross or Escape; a running installation is stopped, after a question."""
        if self._installer is None or self._confirm(self.tr("Stop the installation?")):
            if self._installer is not None:
                self._installer.close()
            super().reject()

    def _start(self, installer: Installer) -> None:
        self._installer = installer
        installer.wrote.connect(self.output.appendPlainText)
        installer.progressed.connect(self._show_progress)
        installer.ended.connect(self._finish)
        self._show_running(True)
        installer.start()

    def _finish(self, good: bool, sentence: str) -> None:
        self._installer = None
        self._show_running(False)
        self.refresh()
        self.doing.setText(sentence)
        self.bar.setVisible(good)
        if not good:
            self.install_page.install_button.setText(self.tr("Try again"))

    def _show_running(self, running: bool) -> None:
        self.pages.setEnabled(not running)
        self.stop_button.setVisible(running)
        self.bar.setVisible(True)
        self.output.setVisible(True)

    def _show_progress(self, percent: int, doing: str) -> None:
        self.bar.setValue(percent)
        self.doing.setText(doing)

    def _recipe(self) -> Optional[Recipe]:
        if self._python is None:
            return None
        page = self.install_page
        return Recipe(
            self._python, page.folder(), standard_requirements(), page.wheel_folder(), page.extra_index.text().strip())

    def _show_recipe(self) -> None:
        recipe = self._recipe()
        self.recipe_page.text.setPlainText(recipe.offline_text() if recipe is not None else "")

    def _is_roomy(self) -> bool:
        missing = self.install_page.missing_bytes()
        return missing <= 0 or self._confirm(self.tr(
            "The disk may be too full: about {size} more should be free. Install all the same?"
        ).format(size=gigabytes(missing)))

    def _chosen_base(self) -> str:
        """What to keep: "" for the usual place, so that it may move with the profile."""
        base = self.install_page.folder().root.parent
        return "" if base == default_base() else str(base)

    def _keep(self, **changes: str) -> None:
        settings.save(replace(settings.load(), **changes))

    def _confirm(self, question: str) -> bool:
        answer = QMessageBox.question(self, self.windowTitle(), question)
        return answer == QMessageBox.StandardButton.Yes

    def _words(self, found: runtime.RuntimeState) -> str:
        if not found.usable:
            return found.reason
        place = str(found.folder) if found.folder is not None else self.tr("QGIS's own Python")
        return self.tr("The model can run: PyTorch {version}, in {place}.").format(
            version=found.versions.get("torch", ""), place=place)

    def _lay_out(self) -> None:
        self.status.setWordWrap(True)
        self.doing.setWordWrap(True)
        self.output.setReadOnly(True)
        self.output.setMaximumBlockCount(_OUTPUT_LINES)
        self.output.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.output.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        for widget in (self.bar, self.output, self.stop_button):
            widget.hide()
        head, foot = QHBoxLayout(), QHBoxLayout()
        head.addWidget(self.icon)
        head.addWidget(self.status, 1)
        foot.addWidget(self.bar, 1)
        foot.addWidget(self.stop_button)
        self.pages.addTab(self.install_page, self.tr("Install"))
        self.pages.addTab(self.existing_page, self.tr("Use an existing environment"))
        self.pages.addTab(self.recipe_page, self.tr("Without a network"))
        layout = QVBoxLayout(self)
        layout.addLayout(head)
        layout.addWidget(self.pages)
        layout.addWidget(self.doing)
        layout.addLayout(foot)
        layout.addWidget(self.output, 1)
        layout.addWidget(self.buttons)

    def _connect(self) -> None:
        self.install_page.install_clicked.connect(self.install)
        self.install_page.remove_clicked.connect(self.remove)
        self.existing_page.used.connect(self.use_existing)
        self.pages.currentChanged.connect(lambda _page: self._show_recipe())
        self.stop_button.clicked.connect(self._cancel)
        self.buttons.rejected.connect(self.reject)

    def _cancel(self) -> None:
        if self._installer is not None:
            self._installer.cancel()


def offer_setup(parent: Optional[QWidget]) -> bool:
    """Open the guided step; True if the model can run afterwards."""
    dialog = SetupDialog(parent)
    dialog.exec()
    dialog.deleteLater()
    return runtime.state().usable
