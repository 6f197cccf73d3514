"""What the tests of the smaller endpoints share, beside tests/conftest.py.

quiet     of tests/service: no bug is logged, and no key
post      of tests/service: a request with any body, over plain HTTP; the whole response
connect   of tests/service: a request on a connection of its own, read as it comes
raw_coze  of tests/service: a server in Coze's place that says what the test says
strict    calls a method of the stock SDK, which holds answers to its types to the last key:
          asynchronous and blocking in turn
"""

from operator import attrgetter

import pytest

from tests.service.conftest import connect, post, quiet, raw_coze  # noqa: F401 - fixtures
from tests.support import sdk

OPTIONS = {"_strict_response_validation": True}


@pytest.fixture(params=["asynchronous", "blocking"])
def strict(request, io_loop, base_url, in_thread, api_key):
    request.getfixturevalue("http_server")
    options = {"base_url": f"{base_url}/v1", "api_key": api_key, **OPTIONS}
    if request.param == "asynchronous":
        client = sdk.asynchronous(**options)

        async def call(method, *args, **options):
            found = await attrgetter(method)(client)(*args, **options)
            return [item async for item in found] if options.get("stream") else found

        yield call
        io_loop.run_sync(client.close)
        return
    client = sdk.blocking(**options)

    def call_blocking(method, args, options):
        found = attrgetter(method)(client)(*args, **options)
        return list(found) if options.get("stream") else found

    async def call(method, *args, **options):
        return await in_thread(call_blocking, method, args, options)

    yield call
    client.close()
