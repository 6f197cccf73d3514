"""Packaging. Tool settings live in pyproject.toml."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = re.search(
    r'__version__ = "(.+)"', (HERE / "cozeproxy" / "__init__.py").read_text(encoding="utf-8")
)
assert VERSION

setup(
    name="cozeproxy",
    version=VERSION[1],
    description="OpenAI's API in front of Coze bots and workflows",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    license_files=["LICENSE"],
    packages=find_packages(include=["cozeproxy", "cozeproxy.*"]),
    package_data={"cozeproxy": ["py.typed", "openapi.json"]},
    python_requires=">=3.11",
    # 6.6.1 is the first Tornado with every known hole in its HTTP parsing closed.
    install_requires=[
        "tornado>=6.6.1",
        "pycurl>=7.45.6",
        "msgspec>=0.20",
        "pyjwt>=2.10",
        "cryptography>=44",
        "python-dotenv>=1.0",
        "filetype>=1.2",  # what a file is, by its bytes
        "cachetools>=5",  # the ids of uploaded files, bounded
        "prometheus-client>=0.23",  # what /metrics says, in the form that scrapers read
        # A loop that takes less time for each token; where there is none, asyncio's own does.
        "uvloop>=0.21; sys_platform != 'win32' and platform_python_implementation == 'CPython'",
    ],
    extras_require={
        # What `scripts/test` needs beside Python. Newer setuptools lack the pkg_resources that
        # pytest-tornado imports when it is loaded.
        "test": [
            "pytest>=8",
            "pytest-tornado>=0.8.1",
            "pytest-timeout>=2.3",
            "pytest-xdist>=3.6",
            "setuptools<82",
            "hypothesis>=6.100",
            "cozepy>=0.20.0",
            "openai>=3.50",
            "langchain-openai>=1.1",  # an example is written with it
            "packaging>=24",
            "soundfile>=0.13",  # whether a sound is one
            "jsonschema>=4.20",
            "pyyaml>=6",  # what is deployed is described in it
            "dockerfile-parse>=2",
            "docker>=7",  # reads .dockerignore as a build does
        ],
        # What `scripts/fuzz` needs.
        "fuzz": ["atheris>=3"],
        "lint": ["ruff==0.17.6", "mypy==2.4.1", "types-cachetools"],
    },
    entry_points={"console_scripts": ["cozeproxy = cozeproxy.cli:main"]},
    classifiers=[
        "License :: OSI Approved :: MIT License",
        "Programming Language :: Python :: 3 :: Only",
        "Framework :: AsyncIO",
        "Topic :: Internet :: Proxy Servers",
        "Typing :: Typed",
    ],
)
