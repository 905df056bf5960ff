#!/usr/bin/env bash
# Runs tests/plugin on QGIS 3.40, in a Debian 13 of its own under .ltr/ (made on the first call: some 4 GB).
# Needs root, since debootstrap and chroot do. The repository is copied in, so nothing in it changes.
#   scripts/ltr.sh [pytest arguments]      default: tests/plugin
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

ROOT="$PWD/.ltr"
PACKAGES=(qgis python3-qgis python3-gdal python3-venv python3-torch python3-torchvision qttools5-dev-tools ca-certificates)
# The plugin's own pins have no build for every Python; these are what the tests need beside Debian's torch.
MODULES=(pytest pytest-qgis==2.1.0 qtpy pillow transformers open_clip_torch timm tokenizers safetensors typer tqdm)

inside() {
    # A mount space of its own: whatever happens, nothing stays mounted under .ltr.
    unshare --mount --pid --fork env ROOT="$ROOT" bash -euc '
        mount -t proc proc "$ROOT/proc"
        mount --bind /dev "$ROOT/dev"
        exec chroot "$ROOT" "$@"' inside env \
        HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
}

if [ "$(id -u)" -ne 0 ]; then
    echo "make test-ltr needs root, for debootstrap and chroot" >&2
    exit 1
fi
if ! command -v debootstrap >/dev/null; then
    apt-get update
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends debootstrap
fi

if [ ! -e "$ROOT/.debian" ]; then
    rm -rf --one-file-system "$ROOT"
    debootstrap --variant=minbase trixie "$ROOT"
    # How this machine reaches the archives and the package index is how Debian 13 has to.
    grep -ls Acquire /etc/apt/apt.conf.d/* | xargs -r cp -t "$ROOT/etc/apt/apt.conf.d"
    touch "$ROOT/.debian"
fi
if [ ! -e "$ROOT/.packages" ]; then
    inside apt-get update
    inside apt-get install -y --no-install-recommends "${PACKAGES[@]}"
    cp -L /etc/ssl/certs/ca-certificates.crt "$ROOT/etc/ssl/certs/ca-certificates.crt"
    if [ -e /etc/pip.conf ]; then cp /etc/pip.conf "$ROOT/etc/pip.conf"; fi
    touch "$ROOT/.packages"
fi
if [ ! -e "$ROOT/.modules" ]; then
    inside python3 -m venv --system-site-packages /venv
    # torch and torchvision are Debian's: pip must not bring others.
    inside sh -c 'python3 -m pip --version; python3 -c "import importlib.metadata as m
for name in (\"torch\", \"torchvision\", \"numpy\"): print(name + \"==\" + m.version(name))" >/constraints.txt; cat /constraints.txt'
    inside /venv/bin/python -m pip install --no-cache-dir --constraint /constraints.txt "${MODULES[@]}"
    touch "$ROOT/.modules"
fi

rm -rf "$ROOT/aquila"
mkdir "$ROOT/aquila"
git ls-files -z --cached --others --exclude-standard --deduplicate | xargs -0 ls -d 2>/dev/null \
    | tar --create --files-from - | tar --extract --directory "$ROOT/aquila"
inside sh -c 'cd /aquila && exec env QT_QPA_PLATFORM=offscreen PYTHONPATH=/aquila /venv/bin/python -m pytest "$@"' \
    pytest "${@:-tests/plugin}"
