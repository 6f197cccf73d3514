"""What the tests of the description share, beside tests/conftest.py.

described  the description, which holds requests and answers against it
post       of tests/service: a request with any body, over plain HTTP; the whole response
oauth_app  of tests/doors: the variables of an OAuth app that the stand-in knows
"""

import pytest

from tests.doors.conftest import oauth_app  # noqa: F401 - a fixture
from tests.service.conftest import post  # noqa: F401 - a fixture
from tests.support.described import Description


@pytest.fixture(scope="session")
def described():
    return Description()
