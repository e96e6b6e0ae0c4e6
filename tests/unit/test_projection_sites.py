from __future__ import annotations

from services.projection.sites import StagedSite, hide_site, set_site


def test_a_site_is_hidden_and_shown() -> None:
    state = set_site(StagedSite(), 2)
    assert set_site(state, 2) is state
    assert hide_site(state, 2) is state
    hidden = hide_site(state, None)
    assert hidden == StagedSite(2, 3)
    assert set_site(hidden, 3) == StagedSite(3)
    assert set_site(hide_site(state, 5), 4) == StagedSite(4, 5)
