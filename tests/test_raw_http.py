"""scripts/raw_http.sh and scripts/raw_http.py: they ask every endpoint, and say what they find."""

import re

import pytest

from cozeproxy.sandbox import Sandbox
from tests.support.processes import COZEPROXY, ROOT, Process, finished
from tests.support.programs import program
from tests.support.stranger import Stranger, response
from tests.testclient.coze import registered
from tests.upstream.keys import APP_ID, KEY, KEY_ID, OAUTH, public_pem

KEYS = {"OPENAI_API_KEY": "the-key-of-ann", "PROXY_ADMIN_KEY": "the-key-of-the-owner"}


@pytest.fixture(params=["raw_http.sh", "raw_http.py"])
def ask(request, tmp_path):
    """Run the script against a service; give its status, and what it printed."""
    if request.param.endswith(".sh"):
        program("curl")

    def ask(url, **variables):
        result = finished([ROOT / "scripts" / request.param, url], tmp_path, **variables)
        assert result.stderr == ""
        for secret in (*KEYS.values(), "czs_", Sandbox.API_KEY):
            assert secret not in result.stdout
        return result.returncode, result.stdout

    return ask


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """The address of a service on the stand-in, as whoever has just begun has one."""
    command = [*COZEPROXY, "serve", "--port", "0", "--sandbox"]
    with Process(command, tmp_path_factory.mktemp("plain")) as service:
        yield service.address()
        assert "Traceback" not in service.complaints()


@pytest.fixture(scope="module")
def locked(tmp_path_factory):
    """The address of a service with keys of callers, one of the owner's, and OAuth."""
    folder = tmp_path_factory.mktemp("locked")
    with Process([*COZEPROXY, "sandbox", "--port", "0"], folder) as coze:
        settings = {
            "COZE_BASE_URL": coze.address(),
            "COZE_BOT_ID": Sandbox.BOT_ID,
            **OAUTH,
            "PROXY_API_KEYS": f"ann:{KEYS['OPENAI_API_KEY']}",
            "PROXY_ADMIN_KEY": KEYS["PROXY_ADMIN_KEY"],
        }
        registered(settings["COZE_BASE_URL"], APP_ID, KEY_ID, public_pem(KEY))
        with Process([*COZEPROXY, "serve", "--port", "0"], folder, **settings) as service:
            yield service.address()


def found(printed):
    """What was found, by what was tried: the status, and whether it was as expected."""
    pattern = r"^# ([a-z].*?)$.*?^(?:# )?(\d+) after [\d.]+ s: (as expected|FAILED)"
    cases = re.findall(pattern, printed, re.MULTILINE | re.DOTALL)
    return {title: (int(status), verdict) for title, status, verdict in cases}


def paths(printed):
    """The paths that were asked for."""
    return set(re.findall(r"(?:^> [A-Z]+ |localhost:\d+)(/[^\s']*)", printed, re.MULTILINE))


@pytest.mark.parametrize("form", ["{}", "{}/v1/"])
def test_all_is_as_expected_on_the_stand_in(ask, plain, form):
    status, printed = ask(form.format(plain))
    assert status == 0, printed
    assert {verdict for _, verdict in found(printed).values()} == {"as expected"}
    count = len(found(printed))
    assert count > 20
    assert printed.endswith(f"\n{count} of {count} as expected\n")


def test_keys_open_all_that_there_is(ask, locked):
    status, printed = ask(locked, **KEYS)
    assert status == 0, printed
    for title in ("token", "a new token", "no token"):
        assert found(printed)[title] == (200, "as expected")
    assert '"token":"********"' in printed


def test_without_keys_it_says_what_has_failed(ask, locked):
    status, printed = ask(locked)
    assert status == 1
    assert found(printed)["chat, streamed"] == (401, "FAILED")
    # What needs no key.
    assert found(printed)["health"] == (200, "as expected")
    assert found(printed)["token"] == (403, "as expected")
    assert re.search(r"\n[1-9]\d? of \d\d as expected\n$", printed)


def test_an_answer_with_a_good_status_alone_is_not_as_expected(ask):
    with Stranger(response("{}")) as stranger:
        status, printed = ask(stranger.url)
    assert status == 1
    assert found(printed)["health"] == (200, "FAILED")
    assert printed.endswith(" as expected\n")
    assert "\n0 of " in printed


def test_where_nothing_listens_all_fails(ask):
    with Stranger() as stranger:
        pass
    status, printed = ask(stranger.url)
    assert status == 1
    assert "\n0 of " in printed


@pytest.mark.gen_test
async def test_every_route_of_the_service_is_asked(ask, plain, app):
    asked = paths(ask(plain)[1])
    for rule in app.wildcard_router.rules:
        assert any(rule.matcher.regex.match(path) for path in asked), rule.matcher.regex.pattern


def test_both_scripts_try_the_same(plain, tmp_path):
    program("curl")
    scripts = [ROOT / "scripts" / name for name in ("raw_http.sh", "raw_http.py")]
    shell, python = (finished([script, plain], tmp_path).stdout for script in scripts)
    assert list(found(shell)) == list(found(python))
    assert paths(shell) == paths(python)
