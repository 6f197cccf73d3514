"""Tests that leak on purpose: each has to fail, but for those whose names begin with "good".

``test_watch.py`` runs them. A test here passes by itself; what fails it is the watch.
"""

import logging

import pytest
from tornado.web import RequestHandler

from cozeproxy.errors import RequestError
from cozeproxy.handlers import models
from cozeproxy.handlers.access import Guard
from tests.doors.access import bearer
from tests.service.asking import body
from tests.support.canaries import ADMIN_KEY, CALLER_KEY, SETTINGS
from tests.support.processes import COZEPROXY, Process, finished
from tests.upstream.keys import PEM

pytestmark = pytest.mark.gen_test(timeout=15)

ANSWERS = SETTINGS | {
    "many writes": CALLER_KEY,
    "past Tornado": CALLER_KEY,
    "header": CALLER_KEY,
    "czs_1": "czs_1",
    "JWT": "eyJ",
}


@pytest.fixture
def environment(oauth_app):
    return oauth_app


class Leak(RequestHandler):
    """Says what it is asked to."""

    def get(self):
        secret = ANSWERS[self.get_argument("name")]
        if self.get_argument("name") == "header":
            self.set_header("X-Key", secret)
        elif self.get_argument("name") == "many writes":
            for character in secret:
                self.write(character)
                self.flush()
        elif self.get_argument("name") == "past Tornado":
            self.set_header("Content-Length", len(secret))
            self.flush()
            self.request.connection.stream.socket.send(secret.encode())
            self.request.connection.stream.close()
        else:
            self.write(f"It is {secret}.")


@pytest.mark.parametrize("name", ANSWERS)
async def test_answer(service, post, name):
    service.app.add_handlers(".*", [("/leak", Leak)])
    assert (await post(None, f"/leak?name={name.replace(' ', '+')}", "GET")).code == 200


@pytest.mark.parametrize("name", ["cozeproxy.app", "tornado.general", "asyncio", "some.library"])
def test_log(name):
    logging.getLogger(name).debug("the key is %s", CALLER_KEY)


def test_log_of_a_traceback():
    logging.getLogger("cozeproxy").debug("a bug", exc_info=ValueError(PEM))


async def test_log_after_the_test(io_loop):
    io_loop.call_later(0, logging.getLogger("cozeproxy").debug, CALLER_KEY)


async def test_bug_of_the_service(post, monkeypatch):
    def known(_context):
        raise RequestError(f"The key {CALLER_KEY} may not list models.")

    monkeypatch.setattr(models, "known", known)
    assert (await post(None, "/v1/models", "GET")).code == 400


async def test_token_for_a_stranger(post, monkeypatch):
    monkeypatch.setattr(Guard, "admits", lambda *_: True)
    assert (await post(None, "/health", "GET")).code == 200
    assert (await post(None, "/get_jwt", "GET")).code == 200
    logging.getLogger("cozeproxy").debug("the token was czs_1")


def test_printed(tmp_path):
    echo = ["sh", "-c", 'echo "$PROXY_ADMIN_KEY"']
    assert finished(echo, tmp_path, PROXY_ADMIN_KEY="another-key").returncode == 0


LEAKING = """
import logging, sys
from cozeproxy.cli import main
from cozeproxy.handlers import health

get = health.HealthHandler.get

def leaking(self):
    where = self.get_argument("where", "")
    if where == "answer":
        self.set_header("X-Key", "another-key")
    if where == "log":
        logging.getLogger("cozeproxy").debug("the key is %s", "another-key")
    get(self)

health.HealthHandler.get = leaking
sys.argv[0] = "cozeproxy"
sys.exit(main())
"""


@pytest.fixture
def ask_process(http_client, tmp_path):
    async def ask_process(path):
        program = tmp_path / "leaking.py"
        program.write_text(LEAKING)
        command = [COZEPROXY[0], program, "serve", "--sandbox", "--port", "0"]
        with Process(command, tmp_path, PROXY_ADMIN_KEY="another-key") as process:
            assert (await http_client.fetch(process.address() + path)).code == 200

    return ask_process


@pytest.mark.parametrize("where", ["answer", "log"])
async def test_process(ask_process, where):
    await ask_process(f"/health?where={where}")


async def test_good_process(ask_process):
    await ask_process("/health")


async def test_good_requests(service, post):
    service.app.add_handlers(".*", [("/leak", Leak)])
    for key in (CALLER_KEY, ADMIN_KEY):
        for path in ("/v1/models", "/health"):
            await post(None, path, "GET", **bearer(key))
    assert (await post(body("hello"))).code == 200
    assert (await post(None, "/get_jwt", "GET", **bearer(ADMIN_KEY))).code == 200
    assert (await post(b"", "/refresh_jwt", "POST", **bearer(ADMIN_KEY))).code == 200
