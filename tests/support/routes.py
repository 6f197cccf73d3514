"""What the service serves, as its route table has it."""

import re

METHODS = ("get", "post", "put", "patch", "delete")


def served(app):
    """Each method and path, with {} for what a path leaves open.

    HEAD is served where GET is, and OPTIONS everywhere.
    """
    for rule in app.wildcard_router.rules:
        pattern = rule.matcher.regex.pattern.removesuffix("$")
        path = re.sub(r"\([^)]*\)", "{}", pattern).replace("\\", "")
        for method in METHODS:
            if _is_own(rule.target, method):
                yield method.upper(), path


def _is_own(handler, method):
    *own, _, _ = handler.mro()
    return any(method in cls.__dict__ for cls in own)


def without_names(path):
    """A path as documents have it, with {} for each of its names."""
    return re.sub(r"\{\w+\}", "{}", path)
