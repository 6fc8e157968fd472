// The event stream of the gateway. The browser itself comes back with the last number it saw.

const DOWN_AFTER_MS = 3000;
const AGAIN_MS = 5000;

/**
 * Follow events from `number` on. `on` has `shown(event)`, `place(state)` and `down(isDown)`; an event's `ageMs` tells
 * how old it is by the gateway's own clock. After a restart of the gateway the page loads itself anew: its numbers
 * began again, and the page may be a newer one.
 */
export function follow(station, number, on) {
  const query = new URLSearchParams({ after: String(number) });
  if (station) query.set("station", station);
  let session = null;
  let skewMs = 0;
  let downTimer = null;

  function open() {
    const stream = new EventSource(`/v1/events?${query}`);
    stream.addEventListener("hello", (event) => {
      const hello = JSON.parse(event.data);
      if (session !== null && session !== hello.session) location.reload();
      session = hello.session;
      skewMs = hello.now_ms - Date.now();
      clearTimeout(downTimer);
      downTimer = null;
      on.down(false);
    });
    stream.addEventListener("place", (event) => on.place(JSON.parse(event.data)));
    stream.addEventListener("shown", (event) => {
      const shown = JSON.parse(event.data);
      query.set("after", String(shown.number));
      on.shown(shown, Math.max(0, Date.now() + skewMs - shown.at_ms));
    });
    stream.addEventListener("error", () => {
      downTimer ??= setTimeout(() => on.down(true), DOWN_AFTER_MS);
      // A refused stream (too many, a station that is gone) is not tried again by the browser.
      if (stream.readyState === EventSource.CLOSED) setTimeout(open, AGAIN_MS);
    });
  }

  open();
}
