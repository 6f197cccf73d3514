"""What the programs of these tests have in common: the tool, and how they tell what came of it."""

import json
import os
import sys

BASE_URL = os.environ["OPENAI_BASE_URL"]
KEY = os.environ["OPENAI_API_KEY"]
# Calls its tool for each question, and answers with the tool's output.
BOT = "bot-tools"
TURNS = ("Rain?", "And tomorrow?")


def rain(location):
    """What the tool says."""
    return json.dumps({"location": location, "probability": 0.5})


def tell(way, answers, calls):
    """Print what came of one way of asking."""
    sys.stdout.write(json.dumps({"way": way, "answers": answers, "calls": calls}) + "\n")
