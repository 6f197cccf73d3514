"""Trying things out as a stranger would: what ``cozeproxy chat`` and ``cozeproxy check`` do.

For both, ``address`` knows how addresses are written, ``calls`` makes requests over HTTP,
``answers`` reads what comes of those for chat completions, ``conversation`` makes them of what a
person says, and ``troubles`` has words for what goes wrong.

For ``check``, ``steps`` is a list of things to try, one after the other, and what becomes of each;
``checks`` decides which, and ``report`` says it to people and to programs. ``service`` has the
steps at a running service, ``reading`` what it says of itself, and ``service_cures`` what to do
where one fails. ``api_key`` and
``oauth`` have those from the settings to a token that Coze takes, ``coze`` what both ask of Coze;
``cures`` has what to do where Coze gives no token, and ``probe`` the plain call that finds out
whether Coze can be reached.
"""
