"""Trying things out as a stranger would: what ``cozeproxy check`` does.

``steps`` is a list of things to try, one after the other, and what becomes of each; ``report`` says
it to people and to programs. ``oauth`` has the steps from the settings of OAuth to a token that
Coze takes, ``cures`` what to do where one fails, ``probe`` the plain call that finds out whether
Coze can be reached.
"""
