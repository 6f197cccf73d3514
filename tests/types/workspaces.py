"""A Coze with workspaces that are larger than a page of its lists."""

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

BOTS = "/v1/bots"
WORKFLOWS = "/v1/workflows"
# Less than is asked for: a page that is not full may have another after it.
LARGEST_PAGE = {BOTS: 20, WORKFLOWS: 10}


class Workspaces:
    """Lists so many bots, workflows and chatflows, in pages no larger than Coze's.

    Attributes:
        sizes: by workspace, how many there are of each.
        asked: the queries that came, by their path, oldest first.
    """

    def __init__(self):
        self.base_url = ""
        self.sizes = {}
        self.asked = []
        self._server = None

    def listen(self):
        app = Application([(r"(/v1/bots|/v1/workflows)", _List, {"of": self})])
        sockets = bind_sockets(0, "127.0.0.1")
        self._server = HTTPServer(app)
        self._server.add_sockets(sockets)
        self.base_url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"

    async def stop(self):
        self._server.stop()
        await self._server.close_all_connections()

    def page(self, path, query):
        """A page of one workspace's list, and what Coze says beside it."""
        self.asked.append((path, query))
        space, kind = query["workspace_id"], query.get("workflow_mode", "bot")
        size = min(int(query["page_size"]), LARGEST_PAGE[path])
        start = (int(query["page_num"]) - 1) * size
        count = self.sizes[space].get(kind, 0)
        items = [
            item(kind, f"{space}-{kind}-{number}")
            for number in range(start, min(start + size, count))
        ]
        beside = {"total": count} if kind == "bot" else {"has_more": start + size < count}
        return {"items": items, **beside}


def item(kind, id_):
    """What stands in a list for one of them."""
    if kind == "bot":
        return {"id": id_, "name": f"The {id_}"}
    return {"workflow_id": id_, "workflow_name": f"The {id_}"}


class _List(RequestHandler):
    def initialize(self, of):
        self.of = of

    def get(self, path):
        query = {name: self.get_query_argument(name) for name in self.request.query_arguments}
        self.write({"code": 0, "msg": "", "data": self.of.page(path, query)})
