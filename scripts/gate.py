"""Checks the built zip as the QGIS plugin repository does: bandit with its rules, and detect-secrets.

Nothing is suppressed: a finding fails the gate, and so does a mark in the sources that would hide one.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any, Dict, List

REPOSITORY = Path(__file__).resolve().parent.parent
# In pieces, so that this file has no such mark itself.
HIDING = re.compile(rb"#\s*no" rb"sec|pragma:\s*allow" rb"list\s+secret", re.IGNORECASE)


def _report(folder: Path, *arguments: str) -> Dict[str, Any]:
    # Inside the folder: detect-secrets passes over files that lie outside the folder it runs in.
    done = subprocess.run(
        [sys.executable, "-m", *arguments, "."], cwd=folder, capture_output=True, text=True, check=False
    )
    if not done.stdout.lstrip().startswith("{"):
        raise RuntimeError(f"{arguments[0]} did not run: {done.stderr.strip()}")
    return json.loads(done.stdout)


def bandit(folder: Path) -> List[str]:
    """Bandit's findings, and files it could not read, one line each."""
    rules = str(REPOSITORY / "pyproject.toml")
    report = _report(folder, "bandit", "-q", "-f", "json", "-c", rules, "--ignore-nosec", "-r")
    found = [
        f"{row['filename']}:{row['line_number']}: {row['test_id']} {row['issue_text']}" for row in report["results"]
    ]
    if not report["metrics"]["_totals"]["loc"]:
        found.append("bandit read no line of Python")
    return found + [f"{row['filename']}: {row['reason']}" for row in report["errors"]]


def secrets(folder: Path) -> List[str]:
    """detect-secrets' findings, one line each; it asks no server whether a secret is a live one."""
    allowed = "detect_secrets.filters.allowlist.is_line_allowlisted"
    report = _report(folder, "detect_secrets", "scan", "--all-files", "--no-verify", "--disable-filter", allowed)
    return [
        f"{name}:{row['line_number']}: {row['type']}" for name, rows in report["results"].items() for row in rows
    ]


def hidden(folder: Path) -> List[str]:
    """Marks that would keep a finding from being reported, one line each."""
    return [
        f"{path.relative_to(folder)}: a mark that hides findings"
        for path in sorted(folder.rglob("*.py"))
        if HIDING.search(path.read_bytes())
    ]


def findings(archive: Path) -> List[str]:
    """Everything that speaks against the zip, one line each."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(folder)
        return [*bandit(folder), *secrets(folder), *hidden(folder)]


def main() -> int:
    """Check a zip; the exit status is 1 if there is a finding."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive", type=Path)
    found = findings(parser.parse_args().archive)
    sys.stdout.write("\n".join([*found, f"{len(found)} findings"]) + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
