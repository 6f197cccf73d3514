"""What the tests in a browser share, beside tests/conftest.py.

chromium     Debian's headless Chromium
site         a web site of another origin than the service's, with the stock SDK for Node.js on it
environment  the service asks for keys and has OAuth; its token endpoints are open to this machine
service      the service, listening for itself
visit        opens the site's page; gives what it reports
"""

import asyncio
from contextlib import asynccontextmanager

import pytest

from cozeproxy.app import Service
from tests.browser.site import Site
from tests.support.canaries import MARK
from tests.support.node import need_node
from tests.support.processes import ENVIRONMENT
from tests.support.programs import program
from tests.upstream.keys import APP_ID, KEY, KEY_ID, OAUTH, public_pem

API_KEY = f"{MARK}browser"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def chromium():
    need_node()
    return program("chromium")


@pytest.fixture
def environment(sandbox):
    sandbox.register_oauth_app(APP_ID, KEY_ID, public_pem(KEY))
    return {
        **OAUTH,
        "PROXY_API_KEYS": API_KEY,
        "TOKEN_ENDPOINTS": "loopback",
        "PORT": "0",
    }


@pytest.fixture
def service(io_loop, settings):
    """The port of the service."""

    async def start():
        service = Service(settings)
        return service, service.start()

    service, port = io_loop.run_sync(start)
    yield port
    io_loop.run_sync(service.stop)


@pytest.fixture
def site(io_loop):
    site = Site()
    io_loop.run_sync(site.listen)
    yield site
    io_loop.run_sync(site.stop)


@pytest.fixture
def visit(chromium, site, service, tmp_path):
    async def visit(page, host="127.0.0.1"):
        told = {"page": page, "service": f"http://{host}:{service}", "key": API_KEY}
        async with _browser(chromium, tmp_path, site.address(**told)) as process:
            ended = asyncio.create_task(process.wait())
            reported = asyncio.create_task(site.reported())
            await asyncio.wait([ended, reported], return_when=asyncio.FIRST_COMPLETED)
            ended.cancel()
            assert reported.done(), "the browser ended without a report"
            return reported.result()

    return visit


@asynccontextmanager
async def _browser(chromium, folder, address):
    profile = f"--user-data-dir={folder / 'profile'}"
    # Its complaints are about what a machine without a desktop lacks.
    process = await asyncio.create_subprocess_exec(
        chromium,
        *FLAGS,
        profile,
        address,
        env=ENVIRONMENT | {"HOME": str(folder)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
