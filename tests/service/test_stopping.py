"""The service stops while it is at work: whoever waits is told so, and nothing is left behind."""

import asyncio

import openai
import pytest

from cozeproxy.app import Service
from cozeproxy.settings import Settings
from tests.service.asking import body
from tests.support import sdk
from tests.support.files import PNG, WAV, data_url

pytestmark = pytest.mark.gen_test


@pytest.fixture
def service(io_loop, settings):
    """A service of its own, with a server of its own, which the test stops."""

    async def make():
        return Service(Settings(**{**vars(settings), "port": 0}))

    return io_loop.run_sync(make)


@pytest.fixture
def asker(io_loop, service, api_key):
    async def listen():
        return service.start()

    port = io_loop.run_sync(listen)
    base_url = f"http://127.0.0.1:{port}/v1"
    asker = sdk.asynchronous(base_url=base_url, api_key=api_key)
    yield asker
    io_loop.run_sync(asker.close)


async def test_stream_ends_with_an_error_that_says_so(service, asker):
    stream = await asker.chat.completions.create(**body("forever"), stream=True)
    await anext(aiter(stream))
    await service.stop()
    with pytest.raises(openai.APIError) as caught:
        async for _ in stream:
            pass
    assert caught.value.code == "server_shutting_down"


async def test_answer_that_has_begun_must_not_be_asked_for_again(service, asker, sandbox):
    asking = asyncio.create_task(asker.chat.completions.create(**body("silent-after-created")))
    await sandbox.arrived("/v3/chat")
    await asyncio.sleep(0)
    await service.stop()
    with pytest.raises(openai.InternalServerError) as caught:
        await asking
    assert caught.value.status_code == 503
    assert caught.value.code == "server_shutting_down"


async def test_upload_is_ended_too(service, asker, sandbox):
    image = {"type": "image_url", "image_url": {"url": data_url(PNG)}}
    text = {"type": "text", "text": "What is this?"}
    asking = asyncio.create_task(
        asker.chat.completions.create(
            model="bot-echo", messages=[{"role": "user", "content": [text, image]}]
        )
    )
    await sandbox.arrived("/v1/files/upload")
    await service.stop()
    with pytest.raises(openai.InternalServerError) as caught:
        await asking
    assert caught.value.code == "server_shutting_down"


async def test_speech_is_ended_too(service, asker, sandbox):
    speech = {"model": "tts-1", "input": "Hi"}
    silent = asyncio.create_task(asker.audio.speech.create(**speech, voice="silent"))
    async with asker.audio.speech.with_streaming_response.create(
        **speech, voice="silent-mid-stream"
    ) as answer:
        pieces = answer.iter_bytes()
        await anext(pieces)
        await sandbox.arrived("/v1/audio/speech", 2)
        await service.stop()
        with pytest.raises(openai.InternalServerError) as caught:
            await silent
        assert caught.value.code == "server_shutting_down"
        with pytest.raises(Exception, match="incomplete chunked read"):
            await anext(pieces)


@pytest.mark.parametrize("path", ["/v1/files/upload", "/v1/audio/transcriptions"])
async def test_what_is_sent_as_a_form_is_ended_too(service, asker, sandbox, path):
    file = ("a.wav", WAV)
    asking = asyncio.create_task(
        asker.files.create(file=file, purpose="user_data")
        if "files" in path
        else asker.audio.transcriptions.create(file=file, model="whisper-1")
    )
    await sandbox.arrived(path)
    await service.stop()
    with pytest.raises(openai.InternalServerError) as caught:
        await asking
    assert caught.value.code == "server_shutting_down"


async def test_service_that_has_stopped_listens_no_more(service, asker):
    await service.stop()
    with pytest.raises(openai.APIConnectionError):
        await asker.models.list()
