"""A Coze bot as a model of LangChain's: in a chain, as it is written, and as a conversation.

    pip install langchain-openai
    python langchain_chat.py "What can you do?"

OPENAI_BASE_URL says where the service is; the default is that of scripts/run.
"""

import os
import sys

from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_openai import ChatOpenAI

model = ChatOpenAI(
    model="gpt-4",
    base_url=os.environ.get("OPENAI_BASE_URL", "http://localhost:3000/v1"),
    api_key=os.environ.get("OPENAI_API_KEY", "any-string"),
)
question = sys.argv[1] if len(sys.argv) > 1 else "Hello!"

prompt = ChatPromptTemplate.from_messages(
    [("system", "Answer in {language}."), ("human", "{text}")]
)
chain = prompt | model | StrOutputParser()
given = {"language": "English", "text": question}
print(chain.invoke(given))
for piece in chain.stream(given):
    print(piece, end="", flush=True)
print()

# Another type, bot or workflow is one of headers, as with the SDK.
workflow = model.bind(extra_headers={"x-model-type": "workflow"}) | StrOutputParser()
print(workflow.invoke(question))
