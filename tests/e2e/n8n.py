"""n8n's own interface for programs, as its editor uses it."""

from __future__ import annotations

import http.cookiejar
import json
import urllib.error
import urllib.request
from typing import Any

from tests.e2e.stack import wait_for


class N8n:
    """A session at n8n.

    Args:
        url: where it is, without a slash at the end.
        email: of its owner.
        password: of its owner.
        handlers: for requests, besides the usual ones.

    Raises:
        urllib.error.HTTPError: with code 401 for a wrong login.
    """

    def __init__(self, url: str, email: str, password: str, *handlers: urllib.request.BaseHandler) -> None:
        self.url = url
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self.opener = urllib.request.build_opener(cookies, *handlers)
        self.user = self.call("/rest/login", {"emailOrLdapLoginId": email, "password": password})

    def call(self, path: str, body: object = None) -> Any:
        """Return the data that a path answers."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"})
        with self.opener.open(request, timeout=30) as response:
            return json.load(response)["data"]

    def run(self, workflow: str) -> list[Any]:
        """Run a workflow from its first node, as the button of the editor does, and return what its last node puts out.

        Raises:
            AssertionError: where it fails.
        """
        content = self.call(f"/rest/workflows/{workflow}")
        start = {"workflowData": content, "triggerToStartFrom": {"name": content["nodes"][0]["name"]}}
        number = self.call(f"/rest/workflows/{workflow}/run", start)["executionId"]

        def ended() -> Any:
            execution = self.call(f"/rest/executions/{number}")
            return execution if execution["status"] not in {"new", "running", "waiting"} else None

        execution = wait_for(ended)
        result = unflattened(json.loads(execution["data"]))["resultData"]
        assert execution["status"] == "success", result.get("error")
        (run,) = result["runData"][result["lastNodeExecuted"]]
        return [item["json"] for item in run["data"]["main"][0]]


def unflattened(values: list[Any]) -> Any:
    """Return what n8n stores as a list in which a text inside a list or an object is the position of a value."""

    def get(value: Any) -> Any:
        return resolve(int(value)) if isinstance(value, str) else value

    def resolve(position: int) -> Any:
        value = values[position]
        if isinstance(value, dict):
            return {key: get(item) for key, item in value.items()}
        return [get(item) for item in value] if isinstance(value, list) else value

    return resolve(0)
