"""``--ca-file``: services with certificates that this machine does not know by itself."""

import pytest

from tests.support.processes import COZEPROXY, finished
from tests.support.stranger import Stranger, response
from tests.upstream.certificates import certificates

HEALTH = response('{"status": "ok"}')
READY = response('{"status": "ready"}')
MODELS = response('{"data": [{"id": "gpt-4"}]}')
ANSWER = response('{"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}')


@pytest.fixture
def certified(tmp_path):
    """A service with a certificate of an authority of its own, and that authority's."""
    ca_file, certificate = certificates(tmp_path)
    opened = []

    def certified(*answers):
        opened.append(Stranger(*answers, certificate=certificate))
        return opened[-1].__enter__().url, str(ca_file)

    yield certified
    for service in opened:
        service.__exit__()


def test_chat_trusts_what_the_file_has(certified, tmp_path):
    url, ca_file = certified(ANSWER)
    chat = [*COZEPROXY, "chat", "--no-stream", "--url", url]
    result = finished([*chat, "Hi"], tmp_path)
    assert (result.returncode, result.stdout) == (1, "")
    assert "give that one's certificate as --ca-file." in result.stderr
    trusting = finished([*chat, "--ca-file", ca_file, "Hi"], tmp_path)
    assert (trusting.returncode, trusting.stdout, trusting.stderr) == (0, "Hi\n", "")


def test_check_trusts_what_the_file_has(certified, tmp_path):
    url, ca_file = certified(HEALTH, READY, MODELS)
    check = [*COZEPROXY, "check", "--url", url, "--ca-file", ca_file]
    result = finished(check, tmp_path)
    assert (result.returncode, result.stderr) == (0, ""), result.stdout
    assert f"{url} is up" in result.stdout


def test_a_file_without_certificates_is_told_of(certified, tmp_path):
    url, _ = certified(ANSWER)
    (tmp_path / "empty.pem").write_text("nothing")
    chat = [*COZEPROXY, "chat", "--url", url, "--ca-file", "empty.pem", "Hi"]
    assert "--ca-file must be a file with certificates as PEM" in finished(chat, tmp_path).stderr
