"""``cozeproxy chat``: says one thing to a running service, or holds a conversation with it.

Ctrl-C cancels the answer that is being written. In a conversation the program goes on; what has
come of the answer counts as said.
"""

import argparse
import asyncio
import io
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import aclosing, suppress
from typing import Any
from unicodedata import category

from cozeproxy.cli.errors import UsageError
from cozeproxy.cli.reaching import Service, service_of
from cozeproxy.testclient.answers import Answer, ask, reasoning_in
from cozeproxy.testclient.calls import Caller
from cozeproxy.testclient.conversation import Conversation, Manner, image_part, parameter
from cozeproxy.testclient.service_cures import cure_for
from cozeproxy.testclient.troubles import AskError, one_line

INTERRUPTED = 130  # what shells give for a program that SIGINT has ended
PROMPT = "> "
GREETING = "{url}: Ctrl-C cancels an answer, Ctrl-D ends."
# What terminals take for faint, and for the end of that (ECMA-48, SGR).
FAINT = "\x1b[2m"
PLAIN = "\x1b[22m"


def run(chosen: argparse.Namespace) -> int:
    """Ask, and return 0 if all was answered, 1 if not, 130 if the one answer was canceled.

    Raises:
        UsageError: an argument cannot be used.
        SettingsError: a setting cannot be used.
    """
    service, _ = service_of(chosen)
    # Whatever a pipe or a bot may say, it is no reason to end.
    for stream in (sys.stdin, sys.stdout):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    manner = Manner(
        chosen.model,
        kind=chosen.type,
        bot_id=_plain("--bot-id", chosen.bot_id),
        workflow_id=_plain("--workflow-id", chosen.workflow_id),
        parameters=dict(map(_parameter, chosen.param)),
        stream=not chosen.no_stream,
    )
    conversation = Conversation(
        manner,
        _plain("--conversation-id", chosen.conversation_id),
        list(map(_image, chosen.image)),
    )
    chat = _Chat(service, conversation, as_json=chosen.json)
    try:
        return chat.say_once(chosen.message) if chosen.message is not None else chat.go_on()
    except BrokenPipeError:
        # Whoever has read so far wants no more.
        return 1


class _Chat:
    """A conversation on a terminal, or through pipes."""

    def __init__(self, service: Service, conversation: Conversation, *, as_json: bool) -> None:
        self._service = service
        self._conversation = conversation
        self._as_json = as_json
        self._is_typed = sys.stdin.isatty()
        self._is_shown = sys.stdout.isatty()
        self._prompt = PROMPT if self._is_typed and self._is_shown else ""
        # Whether the bot's reasoning is what was printed last.
        self._is_reasoning = False

    def say_once(self, message: str) -> int:
        """Say one thing; return the exit status."""
        known = self._conversation.conversation_id
        try:
            answer = self._answer_to(message)
        except KeyboardInterrupt:
            _end_line(self._as_json)
            return INTERRUPTED
        if answer is None:
            return 1
        if self._as_json:
            return 0
        if answer.question:
            _note("The workflow waits for an answer. Without a message it can be given.")
        elif self._conversation.conversation_id != known:
            _note(f"To go on: --conversation-id {self._conversation.conversation_id}")
        return 0

    def go_on(self) -> int:
        """Hold a conversation until the input ends; return the exit status."""
        if self._prompt:
            # Gives input() a history and a line that can be edited, where Python has it.
            with suppress(ImportError):
                import readline  # noqa: F401, PLC0415 - it is there for what it does
            _note(GREETING.format(url=self._service.url))
        failed = False
        try:
            for line in self._lines():
                try:
                    failed = self._answer_to(line) is None or failed
                except KeyboardInterrupt:
                    _end_line(self._as_json)
                    if not self._is_typed:
                        raise
                    _note("canceled")
        except KeyboardInterrupt:
            return INTERRUPTED
        return int(failed)

    def _lines(self) -> Iterator[str]:
        while True:
            try:
                line = input(self._prompt)
            except EOFError:
                if self._prompt:
                    print()
                return
            except KeyboardInterrupt:
                if not self._is_typed:
                    raise
                # There was no answer to cancel, so it is the line that goes.
                print()
                continue
            if line.strip():
                yield line

    def _answer_to(self, text: str) -> Answer | None:
        """Say something and print the answer; None where there is none.

        Raises:
            KeyboardInterrupt: the answer was canceled. What has come of it has been heard.
        """
        answer = Answer()
        body, headers = self._conversation.say(text)
        self._is_reasoning = False
        try:
            # It turns SIGINT into the end of the task, so that the request is ended in order.
            asyncio.run(self._print_answer(body, headers, answer))
        except AskError as error:
            _end_line(self._as_json or not (answer.text or self._is_reasoning))
            # For what Coze refuses, the service's message has words of its own.
            cure = "" if error.is_of_coze else cure_for(error)
            said = f"{error.reason.rstrip('.')}. {cure}" if cure else error.reason
            print(f"cozeproxy: {said}", file=sys.stderr)
            return None
        finally:
            self._conversation.hear(answer)
        return answer

    async def _print_answer(
        self, body: Mapping[str, Any], headers: Mapping[str, str], answer: Answer
    ) -> None:
        service = self._service
        caller = Caller(service.url, service.key, ca_file=service.ca_file)
        try:
            async with aclosing(ask(caller, body, headers, answer)) as parts:
                async for added, part in parts:
                    self._print(added, part)
        finally:
            caller.close()
        _end_line(self._as_json or answer.text.endswith("\n"))

    def _print(self, added: str, part: dict[str, Any]) -> None:
        if self._as_json:
            print(json.dumps(part, ensure_ascii=False), flush=True)
            return
        # To people. What goes on to a program is the answer, and nothing else.
        reasoning = _harmless(reasoning_in(part)) if self._is_shown else ""
        if reasoning:
            print(f"{FAINT}{reasoning}{PLAIN}", end="", flush=True)
            self._is_reasoning = True
        if added:
            _end_line(not self._is_reasoning)
            self._is_reasoning = False
            print(_harmless(added) if self._is_shown else added, end="", flush=True)


def _harmless(text: str) -> str:
    """A text as a terminal may get it: a bot must not be able to move the cursor."""
    return "".join(char for char in text if char in "\n\t" or category(char) != "Cc")


def _end_line(is_ended: bool) -> None:  # noqa: FBT001 - one fact
    if not is_ended:
        print(flush=True)


def _note(text: str) -> None:
    print(text, file=sys.stderr)


def _plain(name: str, value: str | None) -> str | None:
    """An id, which becomes a header."""
    if value is not None and (not value.isascii() or not value.isprintable()):
        raise UsageError(f"{name} must be the id alone")
    return value


def _parameter(given: str) -> tuple[str, Any]:
    try:
        return parameter(given)
    except ValueError as error:
        raise UsageError(f"--param is {given!r}, but must be {error}") from error


def _image(given: str) -> dict[str, Any]:
    try:
        return image_part(given)
    except OSError as error:
        raise UsageError(
            f"--image {one_line(given)} cannot be read: {error.strerror or error}"
        ) from error
