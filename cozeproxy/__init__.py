"""An OpenAI-compatible service in front of Coze bots and workflows.

Run it with ``python -m cozeproxy serve``; the parts are described in ``docs/architecture.md``.
"""

__version__ = "0.1.0"
