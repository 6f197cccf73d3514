"""A target of these tests under atheris, for as long as one likes: see scripts/fuzz."""

import sys

import atheris

with atheris.instrument_imports(include=["cozeproxy", "tornado"]):
    from tests.fuzz import targets
    from tests.fuzz.service import FuzzedService

# Inputs may be as long as libFuzzer makes them, and it measures itself.


def main():
    name, *arguments = sys.argv[1:]
    if name == "http":
        with FuzzedService() as service:
            fuzz(service.take, arguments)
    else:
        fuzz(getattr(targets, name), arguments)


def fuzz(target, arguments):
    atheris.Setup([sys.argv[0], *arguments], target)
    atheris.Fuzz()


main()
