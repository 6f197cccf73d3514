"""cozeproxy with every logger at DEBUG, and a way to crash it: the model named "crash"."""

import logging
import sys

from cozeproxy.cli import main
from cozeproxy.handlers.chat import ChatCompletionsHandler

logging.basicConfig(level=logging.DEBUG)
form = ChatCompletionsHandler.form
make_plan = form.reading.make_plan


def make_plan_or_crash(request, *rest):
    if request.model == "crash":
        raise RuntimeError("a bug")
    return make_plan(request, *rest)


crashing = form.reading._replace(make_plan=make_plan_or_crash)
ChatCompletionsHandler.form = form._replace(reading=crashing)
sys.exit(main())
