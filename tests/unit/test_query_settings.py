from __future__ import annotations

from ipaddress import ip_network

import pytest
from pydantic import SecretStr, ValidationError

from services.query.settings import QuerySettings


def read() -> QuerySettings:
    return QuerySettings(postgres=SecretStr("postgresql://plaudit_query@127.0.0.1/plaudit"))


def test_the_environment_writes_lists_with_commas_and_hosts_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAUDIT_CORS_ORIGINS", "https://shop.example, https://www.shop.example,")
    monkeypatch.setenv("PLAUDIT_TRUSTED_PROXIES", "10.0.0.0/8,::1")
    monkeypatch.setenv("PLAUDIT_HOST_SITES", '{"Reviews.Shop.example": "shop"}')
    settings = read()
    assert settings.cors_origins == ("https://shop.example", "https://www.shop.example")
    assert settings.proxies == (ip_network("10.0.0.0/8"), ip_network("::1"))
    assert settings.host_sites == {"reviews.shop.example": "shop"}


def test_defaults() -> None:
    settings = read()
    assert (settings.port, settings.cors_origins, settings.proxies, settings.default_site) == (8600, ("*",), (), None)


def test_a_proxy_that_is_no_network_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAUDIT_TRUSTED_PROXIES", "proxy.example")
    with pytest.raises(ValidationError, match=r"proxy\.example"):
        read()
