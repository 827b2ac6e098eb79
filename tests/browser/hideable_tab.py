"""A tab that can be hidden; Playwright keeps those that it opens in front."""

import itertools
import json
from typing import Any

from playwright.sync_api import Browser


class HideableTab:
    """In a context of its own, which Playwright does not know, driven by CDP.

    https://chromedevtools.github.io/devtools-protocol/tot/Target/
    """

    def __init__(self, browser: Browser, url: str) -> None:
        self._session = browser.new_browser_cdp_session()
        self._send = self._session.send
        context = self._send("Target.createBrowserContext")["browserContextId"]
        self._target = {"url": url, "browserContextId": context}
        tab = self._send("Target.createTarget", self._target)
        self._target_id = tab["targetId"]
        tab["flatten"] = False
        self._id = self._send("Target.attachToTarget", tab)["sessionId"]
        self._numbers = itertools.count()
        self._answers: dict[int, dict[str, Any]] = {}
        self._session.on("Target.receivedMessageFromTarget", self._receive)
        # A tab is complete before it goes to its page, too.
        here = f'document.readyState === "complete" && location.href === "{url}"'
        while not self.evaluate(here):
            continue

    def hide(self) -> None:
        """Behind another tab of the same window."""
        other = self._send(
            "Target.createTarget", {**self._target, "url": "about:blank"}
        )
        self._send("Target.activateTarget", other)

    def show(self) -> None:
        """In front again."""
        self._send("Target.activateTarget", {"targetId": self._target_id})

    def evaluate(self, expression: str) -> Any:
        number = next(self._numbers)
        params = {
            "expression": expression,
            "awaitPromise": True,
            "returnByValue": True,
        }
        message = {"id": number, "method": "Runtime.evaluate", "params": params}
        sent = {"sessionId": self._id, "message": json.dumps(message)}
        self._send("Target.sendMessageToTarget", sent)
        while number not in self._answers:
            self._send("Browser.getVersion")  # events come while an answer is awaited
        answer = self._answers.pop(number)["result"]
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def _receive(self, event: dict[str, Any]) -> None:
        message = json.loads(event["message"])
        if "id" in message:
            self._answers[message["id"]] = message
