"""The settings by what they are for: each group is one part of the table."""
