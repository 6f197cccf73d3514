"""LangChain's own standard tests of chat models, as far as a bot of Coze's can pass them.

A bot calls tools of its own only, and nothing can be demanded of its answers' form; pictures are
fetched by those tests from where nothing here may depend on.
"""

import os

from langchain_openai import ChatOpenAI
from langchain_tests.integration_tests import ChatModelIntegrationTests

MODEL = {
    "model": "bot-echo",
    "base_url": os.environ["OPENAI_BASE_URL"],
    "api_key": os.environ["OPENAI_API_KEY"],
}


class Standard(ChatModelIntegrationTests):
    chat_model_class = ChatOpenAI
    has_tool_calling = False
    has_tool_choice = False
    has_structured_output = False
    supports_json_mode = False
    supports_image_inputs = False


class TestChatCompletions(Standard):
    chat_model_params = MODEL | {"stream_usage": True}


class TestResponses(Standard):
    chat_model_params = MODEL | {"use_responses_api": True}
