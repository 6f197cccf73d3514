"""Answers of the token endpoint: how long a token lives, and why there is none."""

import copy
import json
import pickle

import pytest

from cozeproxy.settings import Secret
from cozeproxy.upstream.grant import Grant, Reply, TokenError, life_of, read_grant

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("expires_in", "life"),
    [
        # A time.
        (NOW + 900, 900),
        (NOW + 60, 60),
        (NOW + 4, 4),
        (str(int(NOW) + 60), 60),
        # Later than was asked for: a clock of ours that is behind.
        (NOW + 7200, 900),
        # Past, or as good as: a clock of ours that is ahead.
        (NOW, 900),
        (NOW - 7200, 900),
        (NOW + 0.5, 900),
        # A duration.
        (900, 900),
        (60, 60),
        (4.5, 4.5),
        ("60", 60),
        (7200, 900),
        (999_999_999, 900),
        # Nothing to go by.
        (None, 900),
        (0, 900),
        (-1, 900),
        ("soon", 900),
        ("nan", 900),
        ({}, 900),
    ],
)
def test_life_is_read_from_a_time_or_a_duration(expires_in, life):
    assert life_of(expires_in, asked=900, now=NOW) == life


def reply(answer, status=200, date=None):
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    return Reply(status, body, date)


@pytest.mark.parametrize("off", [0, 7200, -7200, 86400 * 365])
def test_life_is_that_of_cozes_clock_whatever_ours_says(off):
    answer = reply({"access_token": "t", "expires_in": NOW + 60}, date=NOW)
    # A Date may be nearly a second old when it is sent.
    assert read_grant(answer, asked=900, now=NOW + off) == Grant(Secret("t"), 59)


def test_token_is_not_shown():
    assert "czs_1" not in repr(read_grant(reply({"access_token": "czs_1"}), asked=900, now=NOW))


def refused(answer, status, date=None):
    with pytest.raises(TokenError) as caught:
        read_grant(reply(answer, status, date), asked=900, now=NOW)
    assert caught.value.answer.status == 502
    return caught.value


@pytest.mark.parametrize(
    ("status", "answer", "reason"),
    [
        (
            401,
            {
                "error_code": "invalid_client",
                "error_message": "invalid jwt",
                "error": "invalid_client",
            },
            "invalid_client: invalid jwt (HTTP 401)",
        ),
        (
            400,
            {"error_code": "access_deny", "error_message": "login session invalid", "error": "x"},
            "access_deny: login session invalid: x (HTTP 400)",
        ),
        (
            400,
            {"error": "slow_down", "error_description": "later"},
            "slow_down: later (HTTP 400)",
        ),
        (
            200,
            {"code": 4100, "msg": "authentication is invalid"},
            "4100: authentication is invalid (HTTP 200)",
        ),
        (400, {"error_message": "a\nb\x1b[0m", "error_code": None}, "a b [0m (HTTP 400)"),
        (404, {"error_message": "x" * 1000}, f"{'x' * 300} (HTTP 404)"),
        (502, b"<html>Bad gateway</html>", "without one (HTTP 502)"),
        (302, b"", "without one (HTTP 302)"),
        (200, {}, "without one (HTTP 200)"),
        (200, b"[]", "without one (HTTP 200)"),
        (200, b"\xff", "without one (HTTP 200)"),
        (200, {"access_token": ""}, "without one (HTTP 200)"),
        (200, {"access_token": None}, "without one (HTTP 200)"),
        (200, {"access_token": "a\r\nb"}, "without one (HTTP 200)"),
        (200, {"access_token": "é"}, "without one (HTTP 200)"),
    ],
)
def test_reason_is_what_coze_says(status, answer, reason):
    assert refused(answer, status).reason == f"Coze answered {reason}"


@pytest.mark.parametrize(
    ("status", "answer", "again"),
    [
        (401, {"error_code": "invalid_client"}, False),
        (400, {"error_code": "invalid_request"}, False),
        (200, {"code": 4100, "msg": "x"}, False),
        (429, {"error_code": "slow_down"}, True),
        (408, {"error_code": "timeout"}, True),
        (500, {"error_code": "internal_error"}, True),
        (200, {"error_code": "internal_error"}, True),
        (401, b"<html>", True),
        (200, {}, True),
    ],
)
def test_caller_may_try_again_unless_coze_has_refused(status, answer, again):
    error = refused(answer, status)
    assert error.refused is not again
    assert error.should_retry is (None if again else False)


@pytest.mark.parametrize(
    ("code", "variables"),
    [
        ("invalid_client", ["APP_ID", "KEY_ID", "AUD"]),
        ("invalid_request", ["TTL", "SCOPE", "ACCOUNT_ID"]),
    ],
)
def test_refusal_names_the_settings_to_check(code, variables):
    text = str(refused({"error_code": code, "error_message": "said."}, 401))
    assert text.startswith(f"No access token could be had: Coze answered {code}: said. (HTTP 401).")
    for variable in variables:
        assert f"COZE_JWT_{variable}" in text


@pytest.mark.parametrize(
    ("date", "words"),
    [
        (NOW + 7200, "This machine's clock is 7200 s behind Coze's."),
        (NOW - 7200, "This machine's clock is 7200 s ahead of Coze's."),
        (NOW + 20, None),
        (None, None),
    ],
)
def test_refusal_says_that_the_clock_is_off(date, words):
    text = str(refused({"error_code": "invalid_client"}, 401, date))
    assert (words in text) if words else ("clock" not in text)


@pytest.mark.parametrize("again", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])
def test_copy_of_an_error_is_the_same_in_all_that_it_says(again):
    error = TokenError("Coze answered x", "x", refused=True, skew=99.0)
    assert vars(again(error)) == vars(error)
    assert str(again(error)) == str(error)
