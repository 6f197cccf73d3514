"""Programs that tests use and a machine may lack; in CI all of them have to be there."""

import os
import shutil

import pytest


def program(name):
    """Return where a program is; the test is skipped without it."""
    # Debian has some where they are not on everybody's path.
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    if not found:
        lacking(f"there is no {name}")
    return found


def lacking(what):
    """Skip the test for want of something, but not in CI."""
    assert "CI" not in os.environ, what
    pytest.skip(what)
