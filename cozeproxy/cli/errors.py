"""What is wrong with a command line, where argparse cannot know it."""


class UsageError(Exception):
    """The arguments do not do; one readable line."""
