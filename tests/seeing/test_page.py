"""The page of metrics itself: its form, what is always in it, and what never."""

import re
import time

import pytest
from prometheus_client.openmetrics import parser as openmetrics
from tornado.ioloop import IOLoop

import cozeproxy
from cozeproxy.app import Service
from cozeproxy.sandbox import Sandbox
from cozeproxy.settings import Settings
from tests.doors.access import ANN, SECRET, bearer
from tests.doors.everything import EVERYTHING
from tests.seeing.reading import Numbers
from tests.service.asking import body

pytestmark = pytest.mark.gen_test(timeout=20)

STALL = 0.5


@pytest.fixture
def copy(io_loop, settings):
    """A service beside the one of the other tests, which listens by itself."""

    async def start():
        service = Service(Settings(**{**vars(settings), "port": 0}))
        return service, f"http://127.0.0.1:{service.start()}"

    service, address = io_loop.run_sync(start)
    yield address
    io_loop.run_sync(service.stop)


@pytest.fixture
def scraped_there(http_client, copy):
    async def scraped_there():
        response = await http_client.fetch(f"{copy}/metrics")
        return Numbers(response.body.decode())

    return scraped_there


@pytest.mark.parametrize(
    "accept",
    [
        {},
        {"Accept": "*/*"},
        {"Accept": "text/plain"},
        {"Accept": "text/html,,;q=1,=;"},
        {"Accept": "application/openmetrics-text;version=abc"},
        {"Accept": "text/plain;version=1.x"},
    ],
)
async def test_form_is_text_that_the_library_itself_reads(post, accept):
    await post(body("hello"))
    response = await post(None, "/metrics", "GET", **accept)
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert Numbers(response.body.decode())("requests_total", status="200") == 1


async def test_scraper_that_asks_for_openmetrics_gets_it(post):
    await post(body("hello"))
    asked = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
    response = await post(None, "/metrics", "GET", Accept=asked)
    assert response.headers["Content-Type"].startswith("application/openmetrics-text;")
    counted = Numbers(response.body.decode(), openmetrics.text_string_to_metric_families)
    assert counted("requests_total", status="200") == 1


async def test_build_and_process_are_told(scraped):
    counted = await scraped()
    (build,) = counted.samples("build_info")
    assert build.labels["version"] == cozeproxy.__version__
    assert build.value == 1
    assert counted.families["process_resident_memory_bytes"].samples[0].value > 1e6


async def test_numbers_of_two_services_in_one_process_are_apart(post, scraped, scraped_there):
    await post(body("hello"))
    assert (await scraped_there())("requests_total") is None
    assert (await scraped())("requests_total", status="200", type="chat") == 1


async def test_stall_of_the_event_loop_is_seen(scraped_there):
    IOLoop.current().add_callback(time.sleep, STALL)
    while (lag := await scraped_there())("event_loop_lag_seconds_sum") < STALL / 2:
        pass
    assert lag("event_loop_lag_seconds_bucket", le="0.1") < lag("event_loop_lag_seconds_count")


class TestSilence:
    @pytest.fixture
    def environment(self, oauth_app):
        return {
            **oauth_app,
            "METRICS_PUBLIC": "true",
            "PROXY_API_KEYS": f"ann:{ANN}",
            "PROXY_ADMIN_KEY": f"{SECRET}admin",
            "COZE_BOT_ID": Sandbox.BOT_ID,
        }

    async def test_ids_secrets_and_what_callers_make_up_are_in_no_label(self, post, sandbox):
        seen = [Sandbox.BOT_ID, SECRET, "czs_", "eyJ", "made-up"]
        made_up = body("echo", "made-up-text", user="made-up-user") | {"model": "made-up-model"}
        asked = {**EVERYTHING, "made up": ("/made-up-path", "GET", None, 404)}
        asked["chat"] = ("/v1/chat/completions", "POST", made_up, 200)
        asked["bot"] = ("/v1/chat/completions", "POST", body("echo", stream=True), 200)
        for path, method, data, _ in asked.values():
            headers = {"X-Request-Id": "made-up-id", "X-User-Id": "made-up"}
            response = await post(data, path, method, **bearer(ANN), **headers)
            seen += [response.headers.get(name) for name in ("X-Coze-Logid", "X-Conversation-Id")]
        seen += re.findall(r"20\d{10,}", str([request.headers for request in sandbox.requests]))
        page = (await post(None, "/metrics", "GET")).body.decode()
        assert Numbers(page)("requests_total", key="ann", type="chat") >= 3
        assert [text for text in seen if text and text in page] == []
        # Long numbers are ids; these are those of the process and of this test's times.
        labels = re.findall(r'="([^"]*)"', page)
        assert [label for label in labels if re.fullmatch(r"\d{6,}|[0-9a-f]{16,}", label)] == []
