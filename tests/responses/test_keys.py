"""What a caller's key is limited to, where ids carry the bot: in each place before Coze hears."""

import json

import msgspec
import pytest

from cozeproxy.protocol.responses.ids import unpack_response_id
from tests.doors.access import LIMITED, bearer, digest, keys_file
from tests.responses.asking import RAIN, body, calls_of, output, to
from tests.service.asking import error_of

pytestmark = [
    pytest.mark.gen_test(timeout=15),
    # http_server asks for the app by name when it runs, too late for the parameters of a fixture.
    pytest.mark.usefixtures("environment"),
]


@pytest.fixture(params=["every key", "this key"])
def environment(request, tmp_path):
    """The same limit, by each of the settings that can hold it; the default is beyond it."""
    entry = {"sha256": digest(LIMITED)}
    limit = {}
    if request.param == "every key":
        limit = {"ALLOWED_BOT_IDS": "echo"}
    else:
        entry |= {"bot_ids": ["echo"], "workflow_ids": []}
    keys = keys_file(tmp_path, limited=entry)
    return {"PROXY_KEYS_FILE": keys, "COZE_BOT_ID": "hello", **limit}


@pytest.fixture
def refused(post, sandbox):
    async def refused(data, path="/v1/responses", method="POST"):
        sandbox.records.clear()
        response = await post(data, path, method, **bearer(LIMITED))
        assert response.code == 403
        assert error_of(response)["code"] == "permission_denied"
        assert sandbox.requests == []

    return refused


async def test_bot_inside_the_id_of_a_response_is_bound(elsewhere, refused):
    response = await elsewhere.responses.create(**to("hello"))
    await refused(body("echo", previous_response_id=response.id))
    path = f"/v1/responses/{response.id}"
    await refused(None, path, "GET")
    await refused(None, path, "DELETE")
    await refused(None, f"{path}/input_items", "GET")
    await refused("", f"{path}/cancel")


async def test_bot_inside_the_id_of_a_call_is_bound(elsewhere, refused):
    response = await elsewhere.responses.create(**to("tools", tools=[RAIN]))
    (call,) = calls_of(response)
    await refused(body("echo", [output(call, "wet")]))


async def test_workflow_inside_the_id_of_a_response_is_bound(elsewhere, refused):
    response = await elsewhere.responses.create(model="workflow-question", input="Hi")
    (call,) = calls_of(response)
    await refused(body("echo", [output(call, "x")], previous_response_id=response.id))


@pytest.mark.parametrize("background", [False, True])
async def test_bot_that_a_request_names_is_bound(refused, background):
    await refused(body("hello", background=background))
    await refused({"model": "gpt-4", "input": "Hi", "background": background})
    await refused({"x-bot-id": "hello"}, "/v1/conversations")


async def test_what_the_key_is_for_is_served(post, sandbox):
    async def served(data, path="/v1/responses", method="POST"):
        response = await post(data, path, method, **bearer(LIMITED))
        assert response.code == 200, response.body
        return json.loads(response.body)

    first = await served(body("echo"))
    await served(body("echo", previous_response_id=first["id"]))
    # The turn goes to the bot of the one before it, and not to the default.
    await served({"input": "Hi", "previous_response_id": first["id"]})
    await served(None, f"/v1/responses/{first['id']}", "GET")
    made = await served("", "/v1/conversations")
    # The default is not for this key, so that the conversation is no bot's.
    assert sandbox.state.conversations[made["id"].removeprefix("conv_")].bot_id == ""
    await served({"x-bot-id": "echo"}, "/v1/conversations")
    assert (await served(None, f"/v1/conversations/{made['id']}", "GET"))["id"] == made["id"]


async def test_id_that_was_given_another_bot_finds_nothing(elsewhere, post):
    response = await elsewhere.responses.create(**to("hello"))
    own = await elsewhere.responses.create(**to("echo"))
    ids = [unpack_response_id(each.id) for each in (response, own)]
    for bot_id in (ids[1].bot_id, None, ""):
        forged = msgspec.structs.replace(ids[0], bot_id=bot_id).pack()
        found = await post(None, f"/v1/responses/{forged}", "GET", **bearer(LIMITED))
        assert found.code == 404
