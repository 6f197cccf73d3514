"""The stock OpenAI SDK, as the tests make it in their own process.

Each client of it would read the well-known certificates anew, which takes longer than most tests.
The service is asked over plain HTTP, so that they share them; the rest is as a user gets it.
"""

import functools
import ssl

import openai


@functools.cache
def _certificates():
    return ssl.create_default_context()


def asynchronous(*, limits=None, **options):
    """An asynchronous client that asks once only, with options of the SDK.

    Args:
        limits: httpx's, of its connections; the SDK's own if None.
        options: ``base_url`` and ``api_key`` at least.
    """
    http = {"limits": limits} if limits else {}
    client = openai.DefaultAsyncHttpxClient(verify=_certificates(), **http)
    return openai.AsyncOpenAI(**{"max_retries": 0, **options}, http_client=client)


def blocking(**options):
    """The same, blocking."""
    client = openai.DefaultHttpxClient(verify=_certificates())
    return openai.OpenAI(**{"max_retries": 0, **options}, http_client=client)
