"""What OpenAI has and this has not: a 404 that names what there is, and is not sent again."""

import io
import re

import openai
import pytest

from tests.service.asking import error_of
from tests.support.files import PNG, WAV
from tests.support.processes import ROOT

pytestmark = pytest.mark.gen_test(timeout=15)

# As the SDK calls them.
CALLS = {
    "embeddings": lambda sdk: sdk.embeddings.create(model="m", input="x"),
    "images": lambda sdk: sdk.images.generate(prompt="A cat."),
    "images, a large form": lambda sdk: sdk.images.edit(
        image=io.BytesIO(PNG + bytes(2**20)), prompt="A dog."
    ),
    "moderations": lambda sdk: sdk.moderations.create(input="x"),
    "translations": lambda sdk: sdk.audio.translations.create(file=("a.wav", WAV), model="m"),
    "batches": lambda sdk: sdk.batches.list(),
    "new batch": lambda sdk: sdk.batches.create(
        completion_window="24h", endpoint="/v1/responses", input_file_id="file-1-batch"
    ),
    "fine-tuning": lambda sdk: sdk.fine_tuning.jobs.list(),
    "uploads": lambda sdk: sdk.uploads.create(
        bytes=1, filename="a", mime_type="text/plain", purpose="batch"
    ),
    "vector stores": lambda sdk: sdk.vector_stores.list(),
    "assistants": lambda sdk: sdk.beta.assistants.list(),
    "threads": lambda sdk: sdk.beta.threads.create(),
    "evals": lambda sdk: sdk.evals.list(),
    "containers": lambda sdk: sdk.containers.list(),
    "videos": lambda sdk: sdk.videos.list(),
    "stored completions": lambda sdk: sdk.chat.completions.retrieve("chatcmpl-1"),
}


# Some are of the past at OpenAI as well.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
async def test_sdk_is_told_what_there_is_and_does_not_ask_again(caller, sandbox, caplog, call):
    with pytest.raises(openai.NotFoundError) as caught:
        await call(caller.with_options(max_retries=2))
    assert "Invalid URL" in caught.value.message
    assert "POST /v1/chat/completions" in caught.value.message
    assert caught.value.type == "invalid_request_error"
    assert sum(record.name == "cozeproxy.access" for record in caplog.records) == 1
    assert sandbox.requests == []


async def test_error_names_every_endpoint_that_the_readme_has(post):
    error = error_of(await post(b"{}", "/v1/embeddings"))
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", None, None)
    named = re.findall(r"[A-Z]+ /v1/[\w/{}]+\w}?", error["message"])
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.split("\n## Endpoints\n")[1].split("\n## ")[0]
    listed = re.findall(r"`([A-Z]+ /v1/[^`]+)`", section)
    assert sorted(named[1:]) == sorted(listed)


@pytest.mark.parametrize("path", ["/", "/models", "/chat/completions", "/v2/chat/completions"])
async def test_other_path_is_told_of_the_base_url_too(post, path):
    response = await post(None, path, "GET")
    assert response.code == 404
    assert "must end in /v1" in error_of(response)["message"]
    assert "GET /v1/models" in error_of(response)["message"]
