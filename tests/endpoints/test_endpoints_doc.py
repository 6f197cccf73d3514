"""docs/endpoints.md, held against the code."""

import json
import re
from pathlib import Path

import pytest

from cozeproxy.errors import RequestError
from cozeproxy.protocol.files import PURPOSES
from cozeproxy.protocol.parsing import parse_text_request
from cozeproxy.protocol.speech import (
    FASTEST,
    FORMATS,
    MAX_INPUT_BYTES,
    SLOWEST,
    SpeechOptions,
    SpeechRequest,
)
from cozeproxy.protocol.transcription import FORMATS as TEXT_FORMATS
from cozeproxy.protocol.transcription import (
    IGNORED,
    MAX_RECORDING_BYTES,
    RECORDINGS,
    REFUSED,
)
from cozeproxy.settings import Settings
from tests.support.files import PDF
from tests.support.processes import ROOT

DOCUMENT = (ROOT / "docs" / "endpoints.md").read_text(encoding="utf-8")


def section(title):
    (found,) = re.findall(
        rf"^## [^\n]*{re.escape(title)}[^\n]*\n(.*?)(?=^## |\Z)", DOCUMENT, re.MULTILINE | re.DOTALL
    )
    return found


def rows(title, table=0):
    """The cells of one of a section's tables, without its head."""
    found = re.findall(r"(?:^\|.*\n)+", section(title), re.MULTILINE)[table].strip().split("\n")[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in found]


def names(text):
    return re.findall(r"`([^`]+)`", text)


class TestExamples:
    @pytest.fixture
    def environment(self):
        return {"VOICE_MAP": '{"alloy": "tone"}'}

    @pytest.mark.gen_test(timeout=15)
    async def test_examples_run_one_after_the_other(
        self, sync_caller, in_thread, tmp_path, monkeypatch, capsys
    ):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "report.pdf").write_bytes(PDF)
        blocks = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
        assert len(blocks) == 4
        known = {"client": sync_caller, "Path": Path}
        for block in blocks:
            await in_thread(lambda block=block: exec(block, known))
        assert capsys.readouterr().out.count("\n") == 2
        assert (tmp_path / "hello.mp3").read_bytes().startswith(b"\xff\xf3")
        assert known["answer"].choices[0].message.content.startswith("You said: Sum it up.")


@pytest.mark.parametrize(("sent", "code"), rows("/v1/completions"))
def test_field_of_a_text_completion_is_refused_with_that_code(sent, code):
    fields = json.loads(names(sent)[0])
    with pytest.raises(RequestError) as caught:
        parse_text_request(json.dumps({"model": "m", "prompt": "Hi", **fields}).encode())
    assert [caught.value.answer.code] == names(code)
    assert caught.value.param in fields


def test_fields_of_speech_are_all_told():
    told = [names(field)[0] for field, _ in rows("/v1/audio/speech")]
    assert set(told) == set(SpeechRequest.__struct_fields__) - {"user"}
    options = next(text for field, text in rows("/v1/audio/speech") if field == "`coze`")
    assert names(options) == list(SpeechOptions.__struct_fields__)


def test_limits_of_speech_are_those_of_the_code():
    told = dict(rows("/v1/audio/speech"))
    assert f"{MAX_INPUT_BYTES} bytes" in told["`input`"]
    assert f"{MAX_INPUT_BYTES // 3} Chinese" in told["`input`"]
    assert f"from {SLOWEST:g} to {FASTEST:g};" in told["`speed`"]


def test_formats_of_speech_are_those_of_the_code():
    told = {
        names(name)[0]: (names(coze)[0], names(kind)[0])
        for name, coze, kind in rows("/v1/audio/speech", 1)
    }
    assert told == FORMATS


def test_example_of_a_voice_map_is_taken():
    (value,) = re.findall(r"`VOICE_MAP=([^`]+)`", DOCUMENT)
    assert Settings.from_env({"VOICE_MAP": value}).voice_map["alloy"]


def test_lists_of_transcriptions_are_those_of_the_code():
    text = section("/v1/audio/transcriptions")
    ignored = re.search(r"`x-cozeproxy-ignored`: (.*?)\.\n", text, re.DOTALL)[1]
    assert names(ignored) == list(IGNORED)
    refused = re.search(r"^Refused, .*?\.\n", text, re.MULTILINE | re.DOTALL)[0]
    assert names(refused)[: len(REFUSED)] == list(REFUSED)
    assert f"`response_format` is {' or '.join(f'`{name}`' for name in TEXT_FORMATS)}." in text
    assert f"{MAX_RECORDING_BYTES // 2**20} MiB" in text
    for extension in RECORDINGS:
        assert re.search(rf"\b{extension}\b", text)


def test_purposes_of_files_are_those_of_the_code():
    told = re.search(r"knows no purposes: (.*?)\.", section("/v1/files"), re.DOTALL)[1]
    assert names(told) == list(PURPOSES)


def test_settings_that_it_names_exist():
    named = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)", DOCUMENT))
    assert named <= set(Settings.variables)
