"""The service, as a process that tells what it holds, in JSON, for each line that it reads."""

import asyncio
import json
import os
import sys

from cozeproxy.app import Service
from cozeproxy.observability import configure_logging
from cozeproxy.settings import Settings


def held(service: Service) -> dict[str, int]:
    """Count what the service has in use."""
    coze = service._coze  # noqa: SLF001 - what is inside is what is looked at
    clients = (coze._http, coze._control, coze._cancels)  # noqa: SLF001
    return {
        "tasks": len(asyncio.all_tasks()),
        "curl handles in use": sum(len(c._curls) - len(c._free_list) for c in clients),  # noqa: SLF001
        "calls to Coze": len(coze._open),  # noqa: SLF001
        "descriptors": len(os.listdir("/proc/self/fd")),  # noqa: PTH208 - there is nothing shorter
    }


async def main() -> None:
    """Serve, and answer, until there is nothing more to read."""
    settings = Settings.from_env(os.environ)
    configure_logging(settings)
    service = Service(settings)
    print(service.start(), flush=True)
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
    )
    while await lines.readline():
        print(json.dumps(held(service)), flush=True)
    await service.stop()


if __name__ == "__main__":
    asyncio.run(main())
