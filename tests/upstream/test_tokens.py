"""The token manager, against the stand-in's token endpoint or one that the test plays."""

import asyncio
import time

import pytest

from cozeproxy.settings import Secret
from cozeproxy.upstream import tokens
from cozeproxy.upstream.grant import TokenError
from cozeproxy.upstream.session import Timing
from cozeproxy.upstream.tokens import TokenStatus
from tests.upstream.timing import START, at_once

pytestmark = pytest.mark.gen_test

PATH = "/api/permission/oauth2/token"


def exchanges(sandbox):
    return sum(request.path == PATH for request in sandbox.requests)


async def settled(manager):
    """Wait for what goes on in the background."""
    await asyncio.gather(*manager._attempts)


async def test_200_cold_requests_make_one_exchange(manager, sandbox):
    made = manager()
    found = await asyncio.gather(*(made.token(f"user {number}") for number in range(200)))
    assert len(set(found)) == 1
    assert sandbox.tokens.owner_of(found[0].reveal()) == "openai-proxy"
    assert exchanges(sandbox) == 1


async def test_good_token_is_given_at_once(manager, sandbox):
    made = manager()
    token = await made.token()
    assert {at_once(made.token()) for _ in range(100)} == {token}
    assert exchanges(sandbox) == 1


async def test_start_gets_the_first_token_and_does_not_wait_for_it(manager, endpoint):
    made = manager(endpoint.base_url)
    made.start()
    request = await endpoint.asked()
    assert made.status == TokenStatus(has_token=False, is_valid=False, expires_in=0)
    # Who comes meanwhile waits for the same one.
    waiting = asyncio.create_task(made.token())
    await asyncio.sleep(0)
    request.grant("t")
    assert await waiting == Secret("t")
    assert at_once(made.token()) == Secret("t")
    assert endpoint._requests.empty()


async def test_start_that_fails_is_made_good_in_the_background(manager, sandbox, clock):
    sandbox.tokens.outage = True
    made = manager()
    made.start()
    await sandbox.arrived(PATH)
    await settled(made)
    sandbox.tokens.outage = False
    assert made.renew_due() == []
    clock.now += 1
    await asyncio.gather(*made.renew_due())
    at_once(made.token())


# The stand-in cuts the ends of lives to whole seconds, which shorter ones would need its Date for.
@pytest.mark.parametrize("seconds", [20, 900, 86399])
async def test_no_request_waits_or_fails_over_ten_lives_under_load(
    manager, sandbox, clock, seconds
):
    made = manager(seconds=seconds)
    await made.token()
    while clock.now < START + 10 * seconds:
        clock.now += seconds / 20
        # Some look first, some requests come first.
        if int(clock.now) % 2:
            made.renew_due()
        for token in [at_once(made.token()) for _ in range(20)]:
            assert sandbox.tokens.owner_of(token.reveal()) == "openai-proxy"
        await settled(made)
    assert 10 <= exchanges(sandbox) <= 14


async def test_idle_service_has_a_good_token_when_the_next_request_comes(manager, sandbox, clock):
    made = manager(seconds=900)
    await made.token()
    while clock.now < START + 86400:
        clock.now += 5
        await asyncio.gather(*made.renew_due())
    token = at_once(made.token())
    assert sandbox.tokens.owner_of(token.reveal()) == "openai-proxy"


@pytest.mark.gen_test(timeout=30)
@pytest.mark.parametrize("real_time", [True])
async def test_tokens_of_four_seconds_are_renewed_in_real_time(manager, sandbox):
    made = manager(seconds=4, timing=Timing(), wall=time.time)
    made.start()
    await sandbox.arrived(PATH, 3)
    token = await made.token()
    assert sandbox.tokens.owner_of(token.reveal()) == "openai-proxy"


@pytest.mark.gen_test(timeout=30)
async def test_tokens_that_live_far_shorter_than_was_asked_for_are_renewed_too(manager, endpoint):
    made = manager(endpoint.base_url, seconds=86399, timing=Timing())
    made.start()
    for number in range(3):
        (await endpoint.asked()).grant(f"t{number}", expires_in=1)
        await settled(made)
        # Milliseconds: a fortieth of the life.
        assert made._looks.callback_time == 25


async def test_old_token_serves_to_its_last_second_then_requests_fail_then_recover(
    manager, sandbox, clock
):
    made = manager(seconds=900)
    first = await made.token()
    sandbox.tokens.outage = True
    while clock.now < START + 898.5:
        clock.now += 0.5
        made.renew_due()
        assert at_once(made.token()) == first
        await settled(made)
    assert sandbox.tokens.owner_of(first.reveal()) == "openai-proxy"
    clock.now += 0.5
    for _ in range(5):
        with pytest.raises(TokenError, match="internal_error: Service internal error") as caught:
            await made.token()
        assert caught.value.answer.status == 502
    sandbox.tokens.outage = False
    # Nobody asks: it recovers by itself.
    clock.now += 60
    await asyncio.gather(*made.renew_due())
    assert sandbox.tokens.owner_of(at_once(made.token()).reveal()) == "openai-proxy"


async def test_outage_is_not_met_with_a_flood_of_exchanges(manager, sandbox, clock):
    made = manager(seconds=900)
    await made.token()
    sandbox.tokens.outage = True
    clock.now += 900
    before = exchanges(sandbox)
    started = clock.now
    while clock.now < started + 60:
        ends = await asyncio.gather(*(made.token() for _ in range(20)), return_exceptions=True)
        assert {type(end) for end in ends} == {TokenError}
    # One every three seconds, and some more at first.
    assert exchanges(sandbox) - before <= 60 / 3 + 3


async def test_refused_connections_leave_the_old_token(manager, endpoint, clock):
    made = manager(endpoint.base_url)
    asking = asyncio.create_task(made.token())
    (await endpoint.asked()).grant("t", 900)
    assert await asking == Secret("t")
    await endpoint.stop()
    clock.now += 850
    await asyncio.gather(*made.renew_due())
    assert at_once(made.token()) == Secret("t")
    clock.now += 49.5
    with pytest.raises(TokenError, match="Coze cannot be reached"):
        await made.token()
    await endpoint.listen(endpoint.port)
    clock.now += 3
    made.renew_due()
    (await endpoint.asked()).grant("u", 900)
    await settled(made)
    assert at_once(made.token()) == Secret("u")


async def test_token_that_coze_has_taken_back_is_replaced(manager, sandbox, clock):
    made = manager()
    token = await made.token()
    sandbox.tokens.revoke_issued()
    assert made.rejected(token) is False
    clock.now += 10
    assert made.rejected(token) is True
    again = await made.token()
    assert sandbox.tokens.owner_of(again.reveal()) == "openai-proxy"
    assert exchanges(sandbox) == 2


async def test_status_counts_down(manager, clock):
    made = manager(seconds=900)
    assert made.status == TokenStatus(has_token=False, is_valid=False, expires_in=0)
    await made.token()
    clock.now += 100.5
    assert made.status == TokenStatus(has_token=True, is_valid=True, expires_in=799)
    clock.now += 800
    assert made.status == TokenStatus(has_token=True, is_valid=False, expires_in=0)


async def test_refresh_gets_a_new_token_though_the_old_one_is_good(manager):
    made = manager()
    old = await made.token()
    new = await made.refresh()
    assert new != old
    assert at_once(made.token()) == new


async def test_refresh_that_fails_says_so_and_leaves_the_old_token(manager, sandbox, clock):
    made = manager()
    old = await made.token()
    sandbox.tokens.outage = True
    for _ in range(2):
        with pytest.raises(TokenError, match="internal_error"):
            await made.refresh()
    assert at_once(made.token()) == old
    # Whoever asks for a new one does not wait for a pause to end.
    assert clock.slept == []


async def test_cleared_token_is_replaced_when_it_is_needed(manager):
    made = manager()
    old = await made.token()
    made.clear()
    assert not made.status.has_token
    assert made.renew_due() == []
    assert await made.token() != old


async def test_users_share_a_session_unless_told_otherwise(manager):
    made = manager()
    assert await made.token("ann") == await made.token("bob") == await made.token()


async def test_each_user_has_a_session_where_it_is_set(manager, sandbox):
    made = manager(per_user=True)
    names = ["ann", "bob", "用户 3", None, ""]
    found = await asyncio.gather(*(made.token(name) for name in names * 20))
    owners = [sandbox.tokens.owner_of(token.reveal()) for token in found[: len(names)]]
    assert owners == ["ann", "bob", "用户 3", "openai-proxy", "openai-proxy"]
    assert exchanges(sandbox) == 4


async def test_refused_token_of_one_user_leaves_the_others(manager, clock):
    made = manager(per_user=True)
    ann, bob = [await made.token(name) for name in ("ann", "bob")]
    clock.now += 10
    assert made.rejected(ann, "ann")
    assert at_once(made.token("bob")) == bob
    assert await made.token("ann") != ann


async def test_token_of_a_user_is_renewed_only_if_the_user_came_back(manager, clock):
    made = manager(per_user=True)
    for name in ("ann", "bob"):
        await made.token(name)
    clock.now += 750
    assert len(await asyncio.gather(*made.renew_due())) == 2
    at_once(made.token("ann"))
    clock.now += 750
    assert len(await asyncio.gather(*made.renew_due())) == 1
    clock.now += 150
    at_once(made.token("ann"))
    with pytest.raises(AssertionError, match="it waits"):
        at_once(made.token("bob"))


async def test_user_who_came_longest_ago_is_forgotten_first(manager, monkeypatch):
    monkeypatch.setattr(tokens, "MOST_SESSIONS", 2)
    made = manager(per_user=True)
    ann, bob = [await made.token(name) for name in ("ann", "bob")]
    at_once(made.token("ann"))
    # Looking for tokens that are due is no use of them.
    assert made.renew_due() == []
    await made.token("carl")
    assert at_once(made.token("ann")) == ann
    assert made.rejected(bob, "bob") is True
    assert len(made._sessions) == 2


async def test_stop_ends_an_exchange_that_hangs_and_tells_those_who_wait(manager, endpoint):
    made = manager(endpoint.base_url)
    made.start()
    waiting = [asyncio.create_task(made.token()) for _ in range(3)]
    await endpoint.asked()
    await made.stop()
    ends = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(end) for end in ends} == {TokenError}
    assert not made._attempts


async def test_stop_ends_the_pause_after_a_failure(manager, sandbox, clock):
    sandbox.tokens.outage = True
    paused = asyncio.Event()

    async def sleep(_seconds):
        paused.set()
        await asyncio.Event().wait()

    made = manager(timing=Timing(clock=clock, sleep=sleep))
    with pytest.raises(TokenError, match="internal_error"):
        await made.token()
    waiting = asyncio.create_task(made.token())
    await paused.wait()
    await made.stop()
    with pytest.raises(TokenError, match="stopping"):
        await waiting
    assert exchanges(sandbox) == 1


async def test_stop_right_after_start_asks_for_nothing(manager, sandbox, caplog):
    made = manager()
    made.start()
    await made.stop()
    # What start() has left to the loop has its turns.
    for _ in range(5):
        await asyncio.sleep(0)
    assert caplog.messages == []
    assert sandbox.requests == []


async def test_nothing_shows_the_token(manager):
    made = manager()
    token = await made.token()
    shown = [repr(made), str(token), repr(made.status), repr(made._session(None)._current)]
    assert not any(token.reveal() in text for text in shown)
