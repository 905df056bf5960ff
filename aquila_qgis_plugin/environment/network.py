"""QGIS's proxy settings, as the environment variables that pip reads."""

from __future__ import annotations

from typing import Dict, Mapping, Optional

from qgis.core import QgsNetworkAccessManager
from qtpy.QtCore import QUrl
from qtpy.QtNetwork import QNetworkProxy, QNetworkProxyQuery

# Stands for any address outside; proxies are chosen by address, and most settings make no difference between them.
_ANY_ADDRESS = "https://example.org/"


def proxy_variables(address: str = "") -> Dict[str, str]:
    """What pip needs in its environment to go through QGIS's proxy; empty where QGIS uses none."""
    manager = QgsNetworkAccessManager.instance()
    query = QNetworkProxyQuery(QUrl(address or _ANY_ADDRESS))
    found = next((url for url in map(_proxy_url, manager.proxyFactory().queryProxy(query)) if url), None)
    if found is None:
        return {}
    variables = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), found)
    exempt = ",".join(filter(None, (QUrl(entry).host() or entry for entry in manager.noProxyList())))
    if exempt:
        variables.update(NO_PROXY=exempt, no_proxy=exempt)
    return variables


def proxy_name(variables: Mapping[str, str]) -> str:
    """The proxy without user and password, for people to read; "" if there is none."""
    url = QUrl(variables.get("HTTPS_PROXY", ""))
    return url.adjusted(QUrl.UrlFormattingOption.RemoveUserInfo).toString()


def _proxy_url(proxy: QNetworkProxy) -> Optional[str]:
    schemes = {
        QNetworkProxy.ProxyType.HttpProxy: "http",
        QNetworkProxy.ProxyType.HttpCachingProxy: "http",
        QNetworkProxy.ProxyType.Socks5Proxy: "socks5",
    }
    scheme = schemes.get(proxy.type())
    if scheme is None or not proxy.hostName():
        return None
    url = QUrl()
    url.setScheme(scheme)
    url.setHost(proxy.hostName())
    url.setPort(proxy.port())
    if proxy.user():
        url.setUserName(proxy.user(), QUrl.ParsingMode.DecodedMode)
        url.setPassword(proxy.password(), QUrl.ParsingMode.DecodedMode)
    return bytes(url.toEncoded()).decode("ascii")
