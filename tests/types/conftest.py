"""What the tests of the types share, beside tests/conftest.py.

ask      the stock SDK, for an answer that comes whole and for one that comes as chunks, in turn
quiet    of tests/service: no bug is logged
post     of tests/service: a request with any body, over plain HTTP
raw_coze of tests/service: a server in Coze's place that says what the test says
balancer, by_turns   of tests/support/copies.py: two copies of the service behind one address
"""

import pytest

from tests.service.conftest import post, quiet, raw_coze  # noqa: F401 - fixtures
from tests.support.copies import balancer, by_turns  # noqa: F401 - fixtures
from tests.types.asking import ASK, asker


@pytest.fixture(params=ASK)
def ask(request, caller):
    return asker(request.param, caller)
