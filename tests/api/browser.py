"""A real browser for page tests: Debian's chromium without a window, spoken to by the DevTools protocol."""

from __future__ import annotations

import asyncio
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

START_S = 30.0
ANSWER_S = 20.0
LANDSCAPE = (1280, 800, 1)

CONTRAST = """
(() => {
  const light = (colour) => {
    const [r, g, b] = colour.match(/[0-9.]+/g).slice(0, 3).map(Number).map((c) => c / 255)
      .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const paper = (node) => {
    for (; node; node = node.parentElement) {
      const colour = getComputedStyle(node).backgroundColor;
      if (!colour.endsWith(", 0)")) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let worst = [21, ""];
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !node.checkVisibility() || node.tagName === "NOSCRIPT") continue;
    const [a, b] = [getComputedStyle(node).color, paper(node)].map(light);
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < worst[0]) worst = [ratio, walker.currentNode.textContent];
  }
  return worst;
})()
"""
"""Lowest contrast of any text on the page (WCAG 2.2, relative luminance and contrast ratio)."""

OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@contextmanager
def chromium(program: str, profile: Path) -> Iterator[str]:
    """A running browser; gives the address of its DevTools socket."""
    arguments = [
        *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--lang=en"),
        *("--force-color-profile=srgb", "--hide-scrollbars", "--remote-debugging-port=0"),
    ]
    process = subprocess.Popen(
        [program, *arguments, f"--user-data-dir={profile}", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield _devtools(process, profile / "DevToolsActivePort")
    finally:
        process.terminate()
        process.wait(10)


def _devtools(process: subprocess.Popen[bytes], port_file: Path) -> str:
    deadline = time.monotonic() + START_S
    pause = threading.Event()
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"chromium ended with {process.returncode}")
        lines = port_file.read_text().splitlines() if port_file.exists() else []
        if len(lines) == 2:
            return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
        pause.wait(0.05)
    raise AssertionError("chromium did not start in time")


class Navigated(AssertionError):
    """The page was left while it was asked: it reloads itself when its gateway comes back."""


class Page:
    """One tab. `complaints` collects what the browser complains of: faults in scripts, refused by the CSP."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._session = ""
        self._number = 0
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self.complaints: list[str] = []

    async def open(self, width: int, height: int, scale: float = 1) -> None:
        """A new tab of this size in CSS pixels; `scale` 2 is a zoom of 200 %."""
        self._reader = asyncio.create_task(self._read())
        target = await self._call("Target.createTarget", url="about:blank")
        attached = await self._call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Runtime", "Log", "Page"):
            await self._call(f"{domain}.enable")
        await self._call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=False
        )

    async def close(self) -> None:
        await self._call("Page.close")
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)

    async def prefer_dark(self) -> None:
        """As on a laptop whose user has chosen dark pages."""
        dark = {"name": "prefers-color-scheme", "value": "dark"}
        await self._call("Emulation.setEmulatedMedia", features=[dark])

    async def goto(self, url: str) -> None:
        await self._call("Page.navigate", url=url)

    async def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        answer = await self._call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def until(self, condition: str, seconds: float = 15) -> None:
        """Wait until an expression is true in the page; one that cannot be answered yet is not."""
        script = f"(() => {{ try {{ return Boolean({condition}) }} catch {{ return false }} }})()"
        deadline = asyncio.get_running_loop().time() + seconds
        while not await self._holds(script):
            if asyncio.get_running_loop().time() > deadline:
                raise AssertionError(f"never true: {condition}\n{await self.run('document.body.innerText')}")
            await asyncio.sleep(0.03)

    async def _holds(self, script: str) -> bool:
        try:
            return bool(await self.run(script))
        except Navigated:
            return False

    async def text(self) -> str:
        return str(await self.run("document.body.innerText"))

    async def _call(self, method: str, **parameters: Any) -> Any:
        self._number += 1
        number = self._number
        self._answers[number] = asyncio.get_running_loop().create_future()
        message = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        await self._socket.send_str(msgspec.json.encode(message).decode())
        async with asyncio.timeout(ANSWER_S):
            return await self._answers[number]

    async def _read(self) -> None:
        async for message in self._socket:
            said = msgspec.json.decode(message.data)
            if (waiting := self._answers.pop(said.get("id", 0), None)) is not None:
                if "error" in said:
                    gone = said["error"].get("message") == "Inspected target navigated or closed"
                    waiting.set_exception((Navigated if gone else AssertionError)(said["error"]))
                else:
                    waiting.set_result(said["result"])
            elif said.get("method") == "Runtime.exceptionThrown":
                self.complaints.append(said["params"]["exceptionDetails"].get("text", "exception"))
            elif said.get("method") == "Log.entryAdded" and said["params"]["entry"]["level"] == "error":
                self.complaints.append(said["params"]["entry"]["text"])
