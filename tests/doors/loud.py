"""cozeproxy with every logger at DEBUG, and a way to crash it: the model named "crash"."""

import logging
import sys

from cozeproxy.cli import main
from cozeproxy.handlers import reading

logging.basicConfig(level=logging.DEBUG)
make_plan = reading.make_plan


def make_plan_or_crash(request, *rest):
    if request.model == "crash":
        raise RuntimeError("a bug")
    return make_plan(request, *rest)


reading.make_plan = make_plan_or_crash
sys.exit(main())
