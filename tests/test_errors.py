"""Coze's codes and what they are told as."""

import pytest

from cozeproxy.errors import COZE_ANSWERS, HINTS, CozeError, RequestError, answer_for

STATUSES_THAT_SDKS_RESEND = {408, 409, 429, *range(500, 600)}


@pytest.mark.parametrize(
    ("code", "msg", "status", "told"),
    [
        (4000, "bad", 400, None),
        (4015, "not published", 403, "model_not_available"),
        (4016, "busy", 409, "conversation_occupied"),
        (4028, "quota", 429, "insufficient_quota"),
        (4100, "authentication is invalid", 401, "invalid_api_key"),
        (4101, "The token you entered is incorrect.", 401, "invalid_api_key"),
        (4101, "You do not have permission", 403, "permission_denied"),
        (4200, "no such bot", 404, "model_not_found"),
        (5000, "internal", 502, "upstream_error"),
        (700012006, "access token invalid", 401, "invalid_api_key"),
        (720702204, "no such conversation", 404, "not_found"),
        (4999, "unknown", 400, None),
        (5999, "unknown", 502, "upstream_error"),
        (6999, "unknown", 400, None),
        (799999999, "unknown", 502, "upstream_error"),
        (-1, "unknown", 502, "upstream_error"),
        (400, "of coze-studio", 400, None),
        (500, "of coze-studio", 502, "upstream_error"),
    ],
)
def test_code_is_told_as_status_and_openai_code(code, msg, status, told):
    assert answer_for(code, msg)[0] == status
    assert answer_for(code, msg)[2] == told


def test_every_answer_is_an_http_error():
    assert all(400 <= answer.status < 600 for answer in COZE_ANSWERS.values())


def test_fault_that_a_resend_cannot_mend_says_so_where_sdks_would_resend():
    for code in (4008, 4011, 4028, 4104):
        error = CozeError(code, "x")
        assert error.answer.status in STATUSES_THAT_SDKS_RESEND
        assert error.should_retry is False
    assert CozeError(4009, "busy").should_retry is None


def test_failure_after_the_chat_was_accepted_must_not_be_resent():
    error = CozeError(5000, "internal")
    assert error.should_retry is None
    error.accepted = True
    assert error.should_retry is False


def test_message_keeps_text_code_and_log_id_and_adds_a_hint():
    text = str(CozeError(4015, "The bot is not published.", "2024abc"))
    assert text == (
        "Coze: The bot is not published. (code 4015, logid 2024abc)."
        " Publish the bot to the API channel in Coze (Publish > API)."
    )
    assert str(CozeError(4009, "Busy.")) == "Coze: Busy. (code 4009)"
    assert str(CozeError(None, "")) == "Coze: no message"


def test_hints_are_for_codes_that_are_known():
    assert HINTS.keys() <= COZE_ANSWERS.keys()


def test_request_errors_are_never_worth_a_resend():
    assert RequestError("x", status=404).should_retry is False
