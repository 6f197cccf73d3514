"""deploy/kubernetes.yaml, held against the service; its form is held by test_judges.py."""

import re

import yaml

from cozeproxy.app import STOP_SECONDS
from cozeproxy.settings import Settings
from tests.support.processes import ROOT

DEPLOYMENT, SERVICE, BUDGET = yaml.safe_load_all(
    (ROOT / "deploy" / "kubernetes.yaml").read_text(encoding="utf-8")
)
POD = DEPLOYMENT["spec"]["template"]["spec"]
(CONTAINER,) = POD["containers"]
SETTINGS = Settings.from_env({entry["name"]: entry["value"] for entry in CONTAINER["env"]})
PROBES = ("startupProbe", "livenessProbe", "readinessProbe")


def test_its_variables_are_settings():
    assert {entry["name"] for entry in CONTAINER["env"]} <= set(Settings.variables)


def test_it_stops_no_sooner_than_the_service_has_done():
    assert SETTINGS.shutdown_delay == 5
    needed = SETTINGS.shutdown_delay + SETTINGS.shutdown_grace + 2 * STOP_SECONDS
    assert POD["terminationGracePeriodSeconds"] > needed


def test_balancers_have_noticed_when_it_stops_to_listen():
    probe = CONTAINER["readinessProbe"]
    noticed = probe["periodSeconds"] * probe["failureThreshold"] + probe["timeoutSeconds"]
    assert noticed < SETTINGS.shutdown_delay


def test_its_probes_ask_for_what_is_served(app):
    paths = {name: CONTAINER[name]["httpGet"]["path"] for name in PROBES}
    assert paths == dict(zip(PROBES, ("/health", "/health", "/ready"), strict=True))
    routes = {rule.matcher.regex.pattern for rule in app.wildcard_router.rules}
    assert {f"{path}$" for path in paths.values()} <= routes


def test_its_parts_find_each_other():
    labels = DEPLOYMENT["spec"]["template"]["metadata"]["labels"]
    assert DEPLOYMENT["spec"]["selector"]["matchLabels"] == labels
    assert SERVICE["spec"]["selector"] == labels
    assert BUDGET["spec"]["selector"]["matchLabels"] == labels
    (port,) = CONTAINER["ports"]
    assert SERVICE["spec"]["ports"][0]["targetPort"] == port["name"]
    assert {CONTAINER[name]["httpGet"]["port"] for name in PROBES} == {port["name"]}
    image = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert re.search(rf"\bPORT={port['containerPort']}\b", image)


def test_it_has_room_for_all_the_bodies_that_may_be_in_memory():
    limit = re.fullmatch(r"(\d+)Gi", CONTAINER["resources"]["limits"]["memory"])
    assert int(limit[1]) * 2**30 >= 2 * SETTINGS.max_buffered_bytes
    assert CONTAINER["resources"]["requests"].keys() == {"cpu", "memory"}


def test_it_may_do_nothing_that_it_does_not_need():
    assert POD["securityContext"]["runAsNonRoot"]
    assert not POD["automountServiceAccountToken"]
    assert CONTAINER["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
