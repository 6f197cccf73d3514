"""What the tests of ``cozeproxy check`` share.

sandbox        the stand-in for Coze, at the real time, which knows the OAuth app
foreign_coze   a Coze that answers what a test says
http_proxy     the same, as the environment's proxy
good           the settings that lead to a token of the stand-in's
check          makes the check of OAuth for settings; gives what it found, as Found
examine        checks a service, and the settings if they are its own; gives the same
check_own      the same for the service of the test, with its settings
check_of       the same for what is at an address, with settings that are not its own
"""

import json
from dataclasses import replace

import pytest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from cozeproxy.sandbox import Sandbox
from cozeproxy.settings import Settings
from cozeproxy.testclient.checks import check_service
from cozeproxy.testclient.oauth import check_oauth
from cozeproxy.testclient.report import as_json, as_text
from cozeproxy.testclient.service import Wanted
from tests.upstream.keys import APP_ID, KEY, KEY_ID, OAUTH, PEM, public_pem


class Found:
    """What a check has found.

    Attributes:
        outcomes: by the steps' names, in their order.
        text: what a person sees, in one line, without how long the steps took.
        steps: the same by the steps' names.
    """

    def __init__(self, results):
        self.outcomes = {result.name: str(result.finding.outcome) for result in results}
        # On a busy machine any of them may take long enough for that to be told.
        timeless = [replace(result, seconds=0) for result in results]
        self.steps = {result.name: " ".join(as_text(result).split()) for result in timeless}
        self.text = " ".join(self.steps.values())
        self.json = as_json(results)


class ForeignCoze:
    """Answers POST, and GET of a user and a bot, with what is set; everything else with 405.

    Attributes:
        base_url: where it is.
        token_answer: status and body for whoever wants a token; a string goes out as it is.
        user_answer: the same for whoever asks whose token it is.
        bot_answer: the same for whoever asks about a bot.
        elsewhere: where GET is sent on to.
        echoed: whether the credential that came is put behind every ``message`` and ``msg``.
    """

    def __init__(self):
        self.token_answer = 200, {"access_token": "czs_given", "expires_in": 900}
        self.user_answer = 200, {"code": 0, "msg": "", "data": {}}
        self.bot_answer = 200, {"code": 0, "msg": "", "data": {}}
        self.echoed = False
        self.elsewhere = ""
        # As a proxy it is asked for whole addresses, which begin with another word.
        self._server = HTTPServer(Application([(".*", _Anything, {"coze": self})]))
        sockets = bind_sockets(0, "127.0.0.1")
        self._server.add_sockets(sockets)
        self.base_url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"

    async def stop(self):
        self._server.stop()
        await self._server.close_all_connections()


class _Anything(RequestHandler):
    def initialize(self, coze):
        self.coze = coze

    def get(self):
        if self.coze.elsewhere:
            self.redirect(self.coze.elsewhere + self.request.path)
        elif self.request.path.endswith("/v1/users/me"):
            self.answer(self.coze.user_answer)
        elif self.request.path.endswith("/v1/bot/get_online_info"):
            self.answer(self.coze.bot_answer)
        else:
            self.set_status(405)

    def post(self):
        self.answer(self.coze.token_answer)

    def answer(self, answer):
        status, body = answer
        self.set_status(status)
        if isinstance(body, dict) and self.coze.echoed:
            said = self.request.headers["Authorization"]
            body = {
                name: f"{value} {said}" if name in ("error_message", "msg") else value
                for name, value in body.items()
            }
        self.set_header("Content-Type", "application/json")
        self.finish(body if isinstance(body, str) else json.dumps(body))


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    """Keep this machine's proxies out of it."""
    for name in ("http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def sandbox(io_loop):
    sandbox = Sandbox()
    sandbox.register_oauth_app(APP_ID, KEY_ID, public_pem(KEY))

    async def listen():
        sandbox.listen()

    io_loop.run_sync(listen)
    yield sandbox
    io_loop.run_sync(sandbox.stop)


@pytest.fixture
def foreign_coze(io_loop):
    async def make():
        return ForeignCoze()

    coze = io_loop.run_sync(make)
    yield coze
    io_loop.run_sync(coze.stop)


@pytest.fixture
def http_proxy(foreign_coze, monkeypatch):
    """Whatever is asked for by http, from any host, is asked of the foreign Coze."""
    monkeypatch.setenv("http_proxy", foreign_coze.base_url)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return foreign_coze


@pytest.fixture
def good(sandbox):
    return {
        "COZE_BASE_URL": sandbox.base_url,
        **OAUTH,
    }


@pytest.fixture
def check(good):
    async def check(**variables):
        told = []
        results = await check_oauth(Settings.from_env(good | variables), told.append)
        assert told == results
        found = Found(results)
        _look_for_secrets(found)
        return found

    return check


@pytest.fixture
def examine():
    """Check a service with settings that may be its own; gives what it found, as Found."""

    async def examine(settings, url, *, key="", admin_key="", is_ours=True, **asked):
        told = []
        asked = {"ca_file": None, "deep": False, "workflow": False} | asked
        wanted = Wanted(url, key, admin_key, is_ours=is_ours, **asked)
        results = await check_service(settings, wanted, told.append)
        assert told == results
        found = Found(results)
        _look_for_secrets(found, key, admin_key, Sandbox.API_KEY)
        return found

    return examine


@pytest.fixture
def check_own(examine, settings, http_server, base_url):  # noqa: ARG001 - it serves what is checked
    """Check the service of the test, with its own settings."""

    async def check_own(**options):
        return await examine(settings, base_url, **options)

    return check_own


@pytest.fixture
def check_of(examine, settings):
    """Check what is at an address that is not the service's own."""

    async def check_of(url, **options):
        return await examine(settings, url, is_ours=False, **options)

    return check_of


def _look_for_secrets(found, *keys):
    for said in (found.text, found.json):
        # A token, a JWT, a key.
        for secret in ("czs_", "eyJ", *PEM.splitlines()[1:-1], *filter(None, keys)):
            assert secret not in said
