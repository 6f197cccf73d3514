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
        for method in rule.target.served_methods():
            if method.lower() in METHODS:
                yield method, path


def without_names(path):
    """A path as documents have it, with {} for each of its names."""
    return re.sub(r"\{\w+\}", "{}", path)
