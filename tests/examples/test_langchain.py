"""LangChain, as one of the programs that people put in front of the service."""

import pytest


@pytest.mark.parametrize("program", ["python"], indirect=True)
def test_a_chain_answers_whole_streamed_and_by_a_workflow(run):
    printed = run("langchain_chat", "你好 👋")
    answer = "You said: Answer in English.\n\n你好 👋 (1 message received, 0 remembered)\n"
    assert printed == f"{answer}{answer}You said: 你好 👋\n"
