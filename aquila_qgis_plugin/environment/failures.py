"""One sentence for why pip, or the check after it, failed, from what it wrote."""

from __future__ import annotations

import re
from typing import Callable, Tuple

from aquila_qgis_plugin.environment.packages import minor_text
from aquila_qgis_plugin.translation import tr


def pip_failure(output: str, code: int) -> str:
    """Why ``pip install`` failed and what to do, in one sentence."""
    absent = re.search(r"No matching distribution found for (\S+)", output)
    # An index that listed other versions was reached, however often it had to be asked.
    is_listed = re.search(r"from versions: (?!none\b)\S", output) is not None
    known = next((sentence() for pattern, sentence in _KNOWN if re.search(pattern, output)), "")
    if known and not (absent and is_listed):
        return known
    if absent:
        return tr("The index or folder used has no {package} for Python {python} on this system.").format(
            package=absent.group(1), python=minor_text())
    return tr("pip ended with code {code}: {line}").format(code=code, line=_last_line(output))


def check_failure(output: str) -> str:
    """Why the packages do not work although they are installed, in one sentence."""
    if re.search(r"WinError 126|DLL load failed|vcruntime|VC_redist", output):
        return tr("PyTorch does not load: install Microsoft's Visual C++ runtime (x64), then try again.")
    return tr("The packages were installed but do not work: {line}").format(line=_last_line(output))


def _last_line(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"ERROR:|\w*(Error|Exception)\b", line)]
    return (errors or lines or [tr("it wrote nothing")])[-1]


# The first that fits counts: pip says "no matching distribution" for an unreachable index too.
_KNOWN: Tuple[Tuple[str, Callable[[], str]], ...] = (
    (r"No space left on device|Errno 28|WinError 112", lambda: tr(
        "The disk is full; make room, or choose a folder on another disk.")),
    (r"No module named pip\b", lambda: tr(
        "QGIS's Python has no pip; install it (on Debian and Ubuntu: python3-pip), or use an existing folder.")),
    (r"407 Proxy Authentication|Missing dependencies for SOCKS|ProxyError|Cannot connect to proxy", lambda: tr(
        "The proxy refused the connection; check Settings → Options → Network (pip cannot use SOCKS proxies).")),
    (r"CERTIFICATE_VERIFY_FAILED|SSLError|SSLCertVerificationError", lambda: tr(
        "The package index's certificate is not trusted here; ask your administrator, or use a folder of wheels.")),
    (r"NewConnectionError|ConnectTimeout|ReadTimeout|ConnectionResetError|getaddrinfo failed|Temporary failure in name|"
     r"Name or service not known|Connection refused|Network is unreachable|Max retries exceeded|ConnectionError|"
     r"Retrying \(Retry\(|IncompleteRead|Read timed out", lambda: tr(
        "The package index cannot be reached; check the network and QGIS's proxy, or use a folder of wheels.")),
    (r"Permission denied|Errno 13|WinError 5\b|WinError 32\b", lambda: tr(
        "A file cannot be written; close other QGIS windows, or choose another folder.")),
    (r"WinError 206|Windows Long Path", lambda: tr(
        "The folder's path is too long for Windows; choose one with a shorter path, for example on the drive's root.")),
    (r"ResolutionImpossible", lambda: tr(
        "The versions needed do not go with QGIS's numpy or with pip's settings; see what pip wrote below.")),
)
