"""What the tests of Responses and Conversations share, beside tests/conftest.py.

strict   the stock SDK, which refuses an answer that is not as its types have it
ask      the same, for a response that comes at once, as events, and through the SDK's helper
quiet, post, connect, raw_coze   of tests/service
elsewhere, balancer, by_turns   of tests/support/copies.py: copies of the service
"""

import functools

import pytest

from tests.responses.asking import WAYS
from tests.service.conftest import connect, post, quiet, raw_coze  # noqa: F401 - fixtures
from tests.support import sdk
from tests.support.copies import balancer, by_turns, elsewhere  # noqa: F401 - fixtures


@pytest.fixture
def strict(io_loop, http_server, base_url, api_key):  # noqa: ARG001 - it serves the caller
    caller = sdk.asynchronous(
        base_url=f"{base_url}/v1", api_key=api_key, _strict_response_validation=True
    )
    yield caller
    io_loop.run_sync(caller.close)


@pytest.fixture(params=WAYS)
def ask(request, strict):
    return functools.partial(WAYS[request.param], strict)
