"""docs/scaling.md and deploy/README.md, held against the settings and the files beside."""

import re

import pytest

from cozeproxy.settings import Settings
from tests.support.processes import ROOT

PAGES = [ROOT / "docs" / "scaling.md", ROOT / "deploy" / "README.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_settings_that_it_names_exist(page):
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(r"\b([A-Z]+(?:_[A-Z]+)+)\b", text))
    assert len(named) > 5
    assert named <= set(Settings.variables)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_files_that_it_names_exist(page):
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text)
    assert all((page.parent / link).exists() for link in links)
    files = re.findall(r"`?\b((?:deploy|scripts)/[\w./-]+\w)", text)
    assert files
    assert all((ROOT / file).exists() for file in files)


def test_a_balancer_waits_as_long_as_it_says():
    text = PAGES[0].read_text(encoding="utf-8")
    waits = int(re.search(r"longer than any answer takes, (\d+) seconds", text)[1])
    assert waits > Settings().workflow_request_timeout
    (limit,) = re.findall(r"`MAX_CONCURRENT_REQUESTS` is ([\d,]+) for each", text)
    assert int(limit.replace(",", "")) == Settings().max_concurrent_requests
