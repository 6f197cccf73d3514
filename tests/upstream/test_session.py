"""When attempts to get a token are made, and who waits for them; the time is the test's."""

import asyncio
import itertools

import pytest

from cozeproxy.settings import Secret
from cozeproxy.upstream.grant import Grant, TokenError
from cozeproxy.upstream.session import Session, Timing
from tests.upstream.timing import START, at_once

pytestmark = pytest.mark.gen_test


class Source:
    """Gives tokens t1, t2, ...; or fails, or waits, as the test wants it."""

    def __init__(self, clock):
        self.life = 1000.0
        self.down = False
        self.gate = asyncio.Event()
        self.gate.set()
        # When it was asked, in seconds since the start.
        self.asked = []
        self._clock = clock
        self._numbers = itertools.count(1)

    async def __call__(self):
        self.asked.append(self._clock() - START)
        await self.gate.wait()
        if self.down:
            raise TokenError("it is down")
        return Grant(Secret(f"t{next(self._numbers)}"), self.life)


@pytest.fixture
def source(clock):
    return Source(clock)


@pytest.fixture
def session(clock, source):
    """Makes a session; `random` is what chance always says."""

    def make(random=0.5, life=1000.0):
        timing = Timing(clock=clock, sleep=clock.sleep, random=lambda: random)
        return Session(source, asyncio.create_task, timing, life)

    return make


@pytest.mark.parametrize("life", [4, 1000, 86399])
@pytest.mark.parametrize("random", [0, 0.5, 1])
async def test_token_is_due_at_four_fifths_of_its_life_give_or_take(
    session, source, clock, life, random
):
    source.life = life
    part = 0.75 + random / 10
    kept = session(random)
    await kept.token()
    clock.now = START + (part - 0.001) * life
    assert not kept.is_due
    clock.now = START + (part + 0.001) * life
    assert kept.is_due


async def test_due_token_is_given_while_the_next_one_is_got(session, source, clock):
    kept = session()
    await kept.token()
    clock.now += 900
    source.gate.clear()
    assert at_once(kept.token()) == Secret("t1")
    assert at_once(kept.token()) == Secret("t1")
    assert not kept.is_due
    source.gate.set()
    assert await kept.renew() == Secret("t2")
    assert at_once(kept.token()) == Secret("t2")
    assert source.asked == [0, 900]


@pytest.mark.parametrize(("life", "last"), [(1000, 999), (4, 3.8), (2, 1.9)])
async def test_token_is_good_to_its_last_second_or_a_twentieth_of_a_short_life(
    session, source, clock, life, last
):
    source.life = life
    kept = session()
    await kept.token()
    source.gate.clear()
    clock.now = START + last - 0.01
    assert kept.is_valid
    assert at_once(kept.token()) == Secret("t1")
    clock.now = START + last
    assert not kept.is_valid
    with pytest.raises(AssertionError, match="it waits"):
        at_once(kept.token())
    source.gate.set()
    assert await kept.token() == Secret("t2")


async def test_life_counts_from_when_the_token_was_asked_for(session, source, clock):
    source.gate.clear()
    kept = session()
    attempt = kept.renew()
    await asyncio.sleep(0)
    clock.now += 9
    source.gate.set()
    await attempt
    assert kept.life_left == 991


async def test_attempts_after_failures_come_ever_later(session, source, clock):
    source.down = True
    kept = session(random=0)
    await kept.renew()
    while len(source.asked) < 12:
        clock.now += 0.25
        if kept.is_due:
            await kept.renew()
    pauses = [later - sooner for sooner, later in itertools.pairwise(source.asked)]
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60]


async def test_pauses_are_spread_by_up_to_a_quarter(session, source, clock):
    source.down = True
    kept = session(random=1)
    await kept.renew()
    clock.now += 0.74
    assert not kept.is_due
    clock.now += 0.02
    assert kept.is_due


async def test_pauses_are_shorter_for_a_short_life(session, source, clock):
    source.life = 5
    kept = session(random=0)
    await kept.token()
    source.down = True
    while clock.now < START + 5:
        clock.now += 0.125
        if kept.is_due:
            await kept.renew()
    # Due at 3.75; then after a quarter and a half of a second; after a whole one it is dead.
    assert source.asked == [0, 3.75, 4, 4.5]


async def test_many_failures_do_not_overflow(session, source, clock):
    source.down = True
    kept = session()
    for _ in range(1100):
        await kept.renew()
    clock.now += 61
    assert kept.is_due


async def test_whoever_waits_waits_three_seconds_at_most_for_the_next_attempt(
    session, source, clock
):
    source.down = True
    kept = session(random=0)
    for _ in range(6):
        with pytest.raises(TokenError, match="it is down"):
            await kept.token()
    assert source.asked == [0, 1, 3, 6, 9, 12]
    assert clock.slept == [1, 2, 3, 3, 3]


async def test_attempt_that_is_overdue_is_made_at_once(session, source, clock):
    source.down = True
    kept = session()
    for _ in range(6):
        await kept.renew()
    clock.now += 2
    source.down = False
    assert await kept.token() == Secret("t1")
    assert clock.slept == [1]
    clock.now += 2000
    assert await kept.token() == Secret("t2")
    assert clock.slept == [1]


async def test_success_ends_the_pauses(session, source, clock):
    source.down = True
    kept = session(random=0)
    for _ in range(6):
        await kept.renew()
    source.down = False
    # Due at 15, when the pause after six failures would go on until 32.
    source.life = 20
    await kept.renew()
    source.down = True
    clock.now += 15
    assert kept.is_due
    await kept.renew()
    clock.now += 1
    assert kept.is_due


async def test_failure_leaves_the_old_token(session, source):
    kept = session()
    await kept.token()
    source.down = True
    with pytest.raises(TokenError):
        await kept.renewed()
    assert at_once(kept.token()) == Secret("t1")


async def test_all_who_wait_get_an_error_of_their_own(session, source):
    source.down = True
    kept = session()
    ends = await asyncio.gather(*(kept.token() for _ in range(10)), return_exceptions=True)
    assert {str(end) for end in ends} == {"No access token could be had: it is down."}
    assert len({id(end) for end in ends}) == 10
    assert len(source.asked) == 1


async def test_those_who_give_up_take_nothing_from_those_who_wait(session, source):
    source.gate.clear()
    kept = session()
    leaving, staying = (asyncio.create_task(kept.token()) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    source.gate.set()
    assert await staying == Secret("t1")
    assert len(source.asked) == 1


async def test_refused_token_is_dropped_once_it_is_ten_seconds_old(session, clock):
    kept = session()
    token = await kept.token()
    clock.now += 9.9
    assert kept.rejected(token) is False
    assert at_once(kept.token()) == token
    clock.now += 0.1
    assert kept.rejected(token) is True
    assert not kept.is_valid
    assert await kept.token() == Secret("t2")


async def test_refused_token_with_a_short_life_is_dropped_in_its_second_half(
    session, source, clock
):
    source.life = 4
    kept = session()
    token = await kept.token()
    clock.now += 1.9
    assert kept.rejected(token) is False
    clock.now += 0.1
    assert kept.rejected(token) is True


async def test_refused_token_of_the_past_is_worth_another_try_and_costs_nothing(session, clock):
    kept = session()
    old = await kept.token()
    clock.now += 900
    new = await kept.renew()
    assert kept.rejected(old) is True
    assert at_once(kept.token()) == new


async def test_many_refusals_of_one_token_make_one_exchange(session, source, clock):
    kept = session()
    token = await kept.token()
    clock.now += 10

    async def refused():
        assert kept.rejected(token)
        return await kept.token()

    assert set(await asyncio.gather(*(refused() for _ in range(50)))) == {Secret("t2")}
    # The new one is young: that it is refused, too, is not for another one to mend.
    assert kept.rejected(Secret("t2")) is False
    assert len(source.asked) == 2


async def test_cleared_token_is_not_renewed_until_somebody_wants_one(session, clock):
    kept = session()
    await kept.token()
    kept.clear()
    clock.now += 10_000
    assert (kept.is_due, kept.is_valid, kept.life_left) == (False, False, None)
    assert await kept.token() == Secret("t2")


async def test_clearing_forgets_failures(session, source, clock):
    source.down = True
    kept = session()
    for _ in range(6):
        await kept.renew()
    kept.clear()
    source.down = False
    await kept.token()
    assert clock.slept == []


async def test_use_is_noted_from_token_to_token(session, clock):
    kept = session()
    await kept.renew()
    assert not kept.used
    at_once(kept.token())
    assert kept.used
    await kept.renew()
    assert not kept.used
    clock.now += 1000
    await kept.token()
    assert kept.used


async def test_log_tells_failures_with_what_is_left_and_the_end_of_them(session, source, caplog):
    kept = session()
    await kept.token()
    source.down = True
    await kept.renew()
    await kept.renew()
    source.down = False
    await kept.renew()
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        *[
            (
                "WARNING",
                "No access token could be had: it is down. The old one has 1000 s left.",
            )
        ]
        * 2,
        ("INFO", "there is an access token again, after 2 failures"),
    ]
