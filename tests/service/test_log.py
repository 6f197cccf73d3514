"""What the log says of requests, and that it can be silent."""

import logging

import openai
import pytest

from cozeproxy.observability import configure_logging
from tests.service.asking import body

pytestmark = pytest.mark.gen_test


def lines(caplog, name):
    return [record.getMessage() for record in caplog.records if record.name == name]


@pytest.fixture
def restored():
    """The loggers as they were, after a test that configures them."""
    access = logging.getLogger("cozeproxy.access")
    yield
    access.disabled = False
    logging.getLogger("tornado.access").disabled = False


async def test_request_is_one_line_with_its_status_and_id(caller, caplog):
    caplog.set_level(logging.INFO)
    answer = await caller.chat.completions.with_raw_response.create(**body("hello"))
    (line,) = lines(caplog, "cozeproxy.access")
    assert line.startswith("200 POST /v1/chat/completions ")
    assert answer.headers["x-request-id"] in line
    assert "Hello" not in line


@pytest.mark.parametrize("bot", ["failed-quota", "failed-quota-after-text", "code-4028"])
async def test_failure_of_coze_is_told_with_its_code_and_logid(caller, caplog, bot):
    with pytest.raises(openai.APIError):
        await caller.chat.completions.create(**body(bot))
    (line,) = lines(caplog, "cozeproxy.upstream")
    assert "code 4028, logid 20" in line
    assert "quota" not in line


async def test_failure_after_text_is_told_although_the_status_was_200(caller, caplog):
    with pytest.raises(openai.APIError):
        async for _ in await caller.chat.completions.create(**body("eof-after-text"), stream=True):
            pass
    (line,) = lines(caplog, "cozeproxy.upstream")
    assert line.endswith("Coze's stream ended before the answer did.")


async def test_fault_of_the_caller_is_no_failure_of_coze(caller, caplog):
    with pytest.raises(openai.BadRequestError):
        await caller.chat.completions.create(**body("hello", n=2))
    assert lines(caplog, "cozeproxy.upstream") == []


class TestSilence:
    @pytest.fixture
    def environment(self):
        return {"ENABLE_LOGGING": "false"}

    @pytest.mark.usefixtures("restored")
    async def test_without_logging_there_is_no_line(self, caller, caplog, settings):
        caplog.set_level(logging.INFO)
        configure_logging(settings)
        await caller.chat.completions.create(**body("hello"))
        assert lines(caplog, "cozeproxy.access") == []
