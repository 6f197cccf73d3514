"""What an answer leaves behind: nothing that would wait for Python's collector of circles.

The collector took a sixth of the time of an answer when it had to find each one's leftovers.
"""

import gc

import pytest

from tests.service.asking import body

pytestmark = [pytest.mark.gen_test, pytest.mark.usefixtures("engine")]


@pytest.fixture
def left_behind():
    """Collect, and name what was to be collected of the service's, from here on."""
    gc.disable()
    # What there is before is none of it, whether or not it is garbage.
    gc.freeze()

    def left_behind():
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        kinds = [type(found) for found in gc.garbage]
        return [
            f"{kind.__module__}.{kind.__name__}"
            for kind in kinds
            if kind.__module__.startswith("cozeproxy.")
            and not kind.__module__.startswith("cozeproxy.sandbox")
        ]

    yield left_behind
    gc.set_debug(0)
    gc.garbage.clear()
    gc.unfreeze()
    gc.enable()


@pytest.mark.parametrize("bot", ["hello", "reasoning", "plugin", "two-answers"])
@pytest.mark.parametrize("stream", [True, False])
async def test_answer_leaves_nothing_to_the_collector(post, left_behind, bot, stream):
    for _ in range(3):
        assert (await post(body(bot, stream=stream))).code == 200
    assert left_behind() == []
