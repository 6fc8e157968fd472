"""What the tests of pages in a real browser share: screens, the time that pages have, and how a page looks."""

from __future__ import annotations

import time

from gateway.model.clock import Stamp
from tests.support.clock import FakeClock

LANDSCAPE, PORTRAIT, ZOOMED = (1280, 800, 1), (600, 1024, 1), (640, 400, 2)

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


class RunningClock(FakeClock):
    """The machine's time: a page in a browser tells an event's age by its own clock."""

    behind_ms = 0

    def mono_ns(self) -> int:
        return time.monotonic_ns()

    def wall_ms(self) -> int:
        return time.time_ns() // 1_000_000 - self.behind_ms

    def stamp(self) -> Stamp:
        return Stamp(self.wall_ms(), self.mono_ns(), self.boot, self.quality)
