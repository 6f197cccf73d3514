"""deploy/compose.yaml: two copies, and nginx that knows them."""

import pytest
import yaml

from cozeproxy.app import STOP_SECONDS
from cozeproxy.settings import Settings
from tests.deploys.test_nginx import SERVERS
from tests.support.processes import ROOT

FOLDER = ROOT / "deploy"
SERVICES = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))["services"]
COPIES = {name: service for name, service in SERVICES.items() if name != "nginx"}


def test_nginx_forwards_to_all_copies_and_waits_for_them():
    nginx = SERVICES["nginx"]
    ports = {service["environment"]["PORT"] for service in COPIES.values()}
    assert [f"{name}:{port}" for name in COPIES for port in ports] == SERVERS
    assert nginx["depends_on"].keys() == COPIES.keys()
    source, _, _ = nginx["volumes"][0].partition(":")
    assert (FOLDER / source).samefile(FOLDER / "nginx.conf")


@pytest.mark.parametrize("service", COPIES.values(), ids=COPIES)
def test_a_copy_is_built_from_the_checkout_and_has_time_to_stop(service):
    assert (FOLDER / service["build"] / "Dockerfile").samefile(ROOT / "Dockerfile")
    settings = Settings.from_env(service["environment"])
    assert (settings.app_env, settings.host) == ("production", "0.0.0.0")
    needed = settings.shutdown_delay + settings.shutdown_grace + 2 * STOP_SECONDS
    assert float(service["stop_grace_period"].removesuffix("s")) > needed
