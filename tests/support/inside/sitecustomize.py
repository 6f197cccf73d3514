"""Begins the watch in a service that ``tests/support/processes.py`` runs; Python loads this."""

import json
import os
import sys

if "serve" in sys.orig_argv and "TESTS_WATCH" in os.environ:
    from tests.support.watch import Watch

    secrets, tokens, path = json.loads(os.environ["TESTS_WATCH"])

    def report(sentence):
        with open(path, "a", encoding="utf-8") as file:  # noqa: PTH123 - pathlib is not loaded yet
            file.write(sentence + "\n")

    Watch(secrets, tokens, report).install()
