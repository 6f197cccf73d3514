"""LangChain's ChatOpenAI through the Responses API: two turns, each with a call of a tool."""

from langchain_core.messages import HumanMessage, SystemMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from program import BASE_URL, BOT, KEY, TURNS, rain, tell

calls = []


@tool
def get_rain_probability(location: str) -> str:
    """How likely it is that it rains."""
    calls.append(location)
    return rain(location)


def whole(model, messages):
    return model.invoke(messages)


def streamed(model, messages):
    first, *others = model.stream(messages)
    for chunk in others:
        first += chunk
    return first


for ask in (whole, streamed):
    for by_id in (False, True):
        calls.clear()
        model = ChatOpenAI(
            model=BOT,
            base_url=BASE_URL,
            api_key=KEY,
            max_retries=0,
            use_responses_api=True,
            use_previous_response_id=by_id,
        ).bind_tools([get_rain_probability])
        messages, answers = [SystemMessage("Be brief.")], []
        for text in TURNS:
            messages.append(HumanMessage(text))
            messages.append(ask(model, messages))
            while messages[-1].tool_calls:
                messages += map(get_rain_probability.invoke, messages[-1].tool_calls)
                messages.append(ask(model, messages))
            answers.append(messages[-1].text)
        tell(f"{ask.__name__}, {'by id' if by_id else 'repeated'}", answers, list(calls))
