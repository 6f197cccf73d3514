"""Bots that answer: every kind of thing that a good answer can consist of."""

import base64
import json

from cozeproxy.sandbox.scenarios.steps import Scenario, Steps
from cozeproxy.sandbox.scenarios.turn import Turn, pieces
from cozeproxy.sandbox.wire import Event, dump

CHINESE = "你好，世界！春眠不觉晓，处处闻啼鸟。👋🏽 一家人：👨‍👩‍👧‍👦，国旗：🇨🇳。再见🙂"
REASONING = "The user greets me. I should greet back."
HELLO = "Hello! How can I help?"
PLUGIN_ANSWER = ("It is sunny", ", 21C.")
JSON_ANSWER = '{"city": "Oslo", "temperature": 21, "天气": "晴"}'
LONG_PARAGRAPH = "The quick brown fox jumps over the lazy dog; 敏捷的棕色狐狸跳过懒狗。 "
LONG_TIMES = 1000


def echo(turn: Turn) -> Steps:
    """What the user said, and how much arrived and is remembered."""
    yield from turn.opening()
    yield from turn.say(echo_text(turn))
    yield from turn.ending()


def echo_text(turn: Turn) -> str:
    """Return e.g. ``You said: Hello. (1 message received, 0 remembered)``."""
    full_stop = "." if turn.text[-1:].isalnum() else ""
    plural = "" if turn.received == 1 else "s"
    return (
        f"You said: {turn.text}{full_stop}"
        f" ({turn.received} message{plural} received, {len(turn.memory)} remembered)"
    )


def hello(turn: Turn) -> Steps:
    """The shortest answer that has two deltas."""
    yield from turn.opening()
    yield from turn.say("Hello", ["Hel", "lo"])
    yield from turn.ending()


def inspect(turn: Turn) -> Steps:
    """The request itself."""
    seen = json.dumps({"query": turn.query, "body": turn.body}, ensure_ascii=False)
    yield from turn.opening()
    yield from turn.say(seen)
    yield from turn.ending()


def memory(turn: Turn) -> Steps:
    """All that the conversation remembers."""
    yield from turn.opening()
    yield from turn.say(f"You said: {turn.text} Before that: {' | '.join(turn.memory) or '-'}")
    yield from turn.ending()


def chinese(turn: Turn) -> Steps:
    """Text without spaces, and emoji of several code points that deltas divide."""
    yield from turn.opening()
    yield from turn.say(CHINESE)
    yield from turn.ending()


def plugin(turn: Turn) -> Steps:
    """A plugin that Coze has run itself, then follow-ups (docs.coze.cn, chat_v3, its sample).

    The ids of plugins are bare 64-bit numbers inside the content; the answer's id is older than
    those of the calls before it; objects have neither times nor sections, as in that sample.
    """
    turn = turn.bare()
    answer_id = turn.new_id()
    call = {
        "name": "weather-query",
        "arguments": {"city": "Oslo"},
        "plugin_id": 7379227414322217010,
        "api_id": 7379227414322233394,
        "plugin_type": 1,
        "thought": "need the weather",
    }
    response = {"content_type": 1, "response_for_model": "sunny, 21C", "type_for_model": 1}
    yield Event("conversation.chat.created", turn.chat("created"))
    yield turn.in_progress()
    yield turn.aside("function_call", dump(call))
    yield turn.aside("tool_response", dump(response))
    for part in PLUGIN_ANSWER:
        yield turn.delta(answer_id, part)
    yield turn.answered(answer_id, "".join(PLUGIN_ANSWER))
    yield turn.finish_marker(None)
    yield turn.aside("follow_up", "And tomorrow?")
    yield turn.aside("follow_up", "Should I take a coat?")
    yield turn.completed()
    yield turn.done()


def reasoning(turn: Turn) -> Steps:
    """Thoughts first, in deltas of the same message whose ``content`` is empty."""
    yield from turn.opening()
    message_id = turn.new_id()
    for part in pieces(REASONING):
        yield turn.delta(message_id, "", reasoning_content=part)
    for part in pieces(HELLO):
        yield turn.delta(message_id, part)
    yield turn.answered(message_id, HELLO, reasoning_content=REASONING)
    yield from turn.ending()


def two_answers(turn: Turn) -> Steps:
    """Two answers with an id each, as from a workflow with two output nodes."""
    yield from turn.opening()
    yield from turn.say("The first answer.")
    yield from turn.say("The second answer.")
    yield from turn.ending()


def completed_only(turn: Turn) -> Steps:
    """An answer that is only given whole."""
    yield from turn.opening()
    yield from turn.say("An answer without deltas.", [])
    yield from turn.ending()


def card(turn: Turn) -> Steps:
    """An answer that is a card: JSON in a string."""
    content = dump({"card_type": 3, "template_url": "", "data": {"title": "Oslo", "text": "21C"}})
    message_id = turn.new_id()
    yield from turn.opening()
    yield turn.delta(message_id, content, timed=False, content_type="card")
    yield turn.answered(message_id, content, content_type="card")
    yield from turn.ending()


def audio(turn: Turn) -> Steps:
    """Speech beside the text, with the answer's id, between chat.completed and done.

    Recorded: cozepy 0.20.0, tests/testdata/chat_audio_stream_resp.txt.
    """
    yield from turn.opening()
    message_id = turn.new_id()
    for part in pieces(HELLO):
        yield turn.delta(message_id, part)
    yield turn.answered(message_id, HELLO)
    yield turn.finish_marker()
    yield turn.completed()
    for sample in range(3):
        sound = base64.b64encode(bytes([sample]) * 480).decode()
        spoken = turn.message("answer", sound, id=message_id, content_type="audio")
        yield Event("conversation.audio.delta", spoken)
    yield turn.done()


def knowledge(turn: Turn) -> Steps:
    """What was found in a knowledge base, in both shapes that the documents have."""
    found = "---\nrecall slice 1:Oslo is the capital of Norway."
    yield from turn.opening()
    yield turn.aside("knowledge", found)
    yield turn.verbose("knowledge_recall", dump({"chunks": [{"slice": found}]}))
    yield from turn.say("Oslo is the capital of Norway.")
    yield from turn.ending()


def no_finish_marker(turn: Turn) -> Steps:
    """No ``generate_answer_finish``, as in cozepy 0.20.0, tests/testdata/chat_text_stream_resp."""
    yield from turn.opening()
    yield from turn.say(HELLO)
    yield turn.completed()
    yield turn.done()


def unknown_events(turn: Turn) -> Steps:
    """Events, message types and notes that nobody knows yet, all around a good answer."""
    yield from turn.opening()
    yield Event("conversation.chat.thinking", turn.chat("in_progress", mood="curious"))
    yield Event("conversation.weather", {"unheard": ["of", 1, None]})
    yield turn.aside("hologram", "a new kind of message")
    yield turn.verbose("a_new_note", "whatever")
    yield turn.aside("verbose", "a note that is not JSON")
    yield from turn.say(HELLO)
    yield Event("conversation.message.translated", turn.message("answer", "Bonjour"))
    yield from turn.ending()


def duplicates(turn: Turn) -> Steps:
    """Everything that ends comes twice, and the stream goes on after done."""
    yield from turn.opening()
    yield from turn.opening()
    message_id = turn.new_id()
    for part in pieces(HELLO):
        yield turn.delta(message_id, part)
    whole = turn.answered(message_id, HELLO)
    yield whole
    yield whole
    yield from turn.ending()
    yield whole
    yield turn.delta(message_id, " Too late.")
    yield turn.completed()
    yield turn.done()


def empty(turn: Turn) -> Steps:
    """A chat that completes with no answer at all."""
    yield from turn.opening()
    yield from turn.ending()


def json_plain(turn: Turn) -> Steps:
    """An answer that is JSON."""
    yield from turn.opening()
    yield from turn.say(JSON_ANSWER)
    yield from turn.ending()


def json_fenced(turn: Turn) -> Steps:
    """The same as models like to give it: in a Markdown fence."""
    yield from turn.opening()
    yield from turn.say(f"```json\n{JSON_ANSWER}\n```")
    yield from turn.ending()


def long_text(turn: Turn) -> Steps:
    """82 kB in 15,000 deltas."""
    yield from turn.opening()
    yield from turn.say(LONG_PARAGRAPH * LONG_TIMES)
    yield from turn.ending()


SCENARIOS = [
    Scenario("echo", "Repeats the user and counts what arrived and what it remembers.", echo),
    Scenario("hello", "Says Hello, in two deltas.", hello),
    Scenario("inspect", "Answers with the request: JSON of its query and body.", inspect),
    Scenario("memory", "Repeats the user and all it remembers.", memory, listed=True),
    Scenario("chinese", "Chinese and emoji, divided anywhere.", chinese, listed=True),
    Scenario("plugin", "Runs a plugin, answers, suggests two questions.", plugin, listed=True),
    Scenario("reasoning", "Thinks aloud first (reasoning_content).", reasoning, listed=True),
    Scenario("two-answers", "Two answers, as from two output nodes.", two_answers),
    Scenario("completed-only", "The answer comes whole, with no deltas.", completed_only),
    Scenario("card", "The answer is a card.", card),
    Scenario("audio", "Text, then three pieces of speech after chat.completed.", audio),
    Scenario("knowledge", "A recall from a knowledge base, in both known shapes.", knowledge),
    Scenario("no-finish-marker", "No generate_answer_finish.", no_finish_marker),
    Scenario("unknown-events", "Unknown events and messages around the answer.", unknown_events),
    Scenario("duplicates", "Ends come twice, and text after done.", duplicates),
    Scenario("empty", "Completes without an answer.", empty),
    Scenario("json", "Answers with JSON.", json_plain),
    Scenario("json-fenced", "Answers with JSON in a Markdown fence.", json_fenced),
    Scenario("long-text", "82 kB in 15,000 deltas.", long_text),
]
