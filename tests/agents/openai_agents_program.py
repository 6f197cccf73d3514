"""OpenAI's agents through the Responses API: two turns, each with a call of a tool."""

import asyncio

from agents import (
    Agent,
    OpenAIConversationsSession,
    OpenAIResponsesModel,
    Runner,
    function_tool,
    set_tracing_disabled,
)
from openai import AsyncOpenAI
from program import BASE_URL, BOT, KEY, TURNS, rain, tell

calls = []


@function_tool
def get_rain_probability(location: str) -> str:
    """How likely it is that it rains."""
    calls.append(location)
    return rain(location)


async def whole(agent, given, **options):
    return await Runner.run(agent, given, **options)


async def streamed(agent, given, **options):
    result = Runner.run_streamed(agent, given, **options)
    async for _ in result.stream_events():
        pass
    return result


async def repeated(ask, agent, _client):
    """The history is in each request."""
    given, answers = [], []
    for text in TURNS:
        result = await ask(agent, [*given, {"role": "user", "content": text}])
        given = result.to_input_list()
        answers.append(result.final_output)
    return answers


async def by_id(ask, agent, _client):
    """Each turn names the response before it."""
    previous, answers = None, []
    for text in TURNS:
        options = {"previous_response_id": previous, "auto_previous_response_id": True}
        result = await ask(agent, text, **options)
        previous = result.last_response_id
        answers.append(result.final_output)
    return answers


async def in_conversation(ask, agent, client):
    """The history is in a conversation, which the requests name."""
    conversation = await client.conversations.create()
    options = {"conversation_id": conversation.id}
    return [(await ask(agent, text, **options)).final_output for text in TURNS]


async def in_session(ask, agent, client):
    """The history is in a conversation, which the agent writes and reads."""
    session = OpenAIConversationsSession(openai_client=client)
    answers = [(await ask(agent, text, session=session)).final_output for text in TURNS]
    # The question, the call, its output and the answer, twice.
    assert len(await session.get_items()) == 8
    await session.clear_session()
    return answers


async def main():
    set_tracing_disabled(disabled=True)
    async with AsyncOpenAI(base_url=BASE_URL, api_key=KEY, max_retries=0) as client:
        model = OpenAIResponsesModel(model=BOT, openai_client=client)
        agent = Agent(
            name="Weather", instructions="Be brief.", tools=[get_rain_probability], model=model
        )
        for ask in (whole, streamed):
            for history in (repeated, by_id, in_conversation, in_session):
                calls.clear()
                answers = await history(ask, agent, client)
                tell(f"{ask.__name__}, {history.__name__}", answers, list(calls))


asyncio.run(main())
