// What a page shows for an event of a station. Pure: no document, no network, no clock.

const RESULT_MS = 6000;

// How long each state stays before the page goes back to idle. A price stays until it is paid, and a person has
// to see that a person must look; both yield to the next event at once.
const HOLD_MS = {
  accepted: RESULT_MS,
  refused: RESULT_MS,
  open: RESULT_MS,
  passed: RESULT_MS,
  leaving: RESULT_MS,
  busy: RESULT_MS,
  void: RESULT_MS,
  recorded: RESULT_MS,
  printed: RESULT_MS,
  reading: RESULT_MS,
  requested: 12000,
  register: 60000,
  refunded: 12000,
  quote: 60000,
  two_taps: 60000, // Until the cashier has chosen, which is another event.
  attention: 30000,
  free: 86400000, // Until the alarm is over, which is another event.
};

export const STATES = ["connecting", "idle", "unavailable", "down", ...Object.keys(HOLD_MS)];

// Events that a person at the station sees as another state than their name. A missing device is how the place
// stands, for as long as it is missing: the state at rest says it.
const BY_REASON = { busy: "busy", device_missing: "idle" };

// Of a group the others have passed: the text for one who turned round would be wrong.
const FOR_THE_REST = { no_passage: "no_passage_rest" };

/** The page's state for an event, and for how many ms: `{state, reason, holdMs}`. */
export function stateOf(shown) {
  const state = BY_REASON[shown.reason] ?? shown.show;
  if (!(state in HOLD_MS)) return { state: "idle", reason: "", holdMs: 0 };
  const reason = (shown.passed > 0 && FOR_THE_REST[shown.reason]) || (shown.reason ?? "");
  return { state, reason, holdMs: HOLD_MS[state] };
}

// Why it is not known how a work on the printer ended (docs/drivers/fiscal.md): to the staff it is one thing.
const IN_DOUBT = new Set([
  "cancel_not_confirmed",
  "counters_differ",
  "doubt_at_close",
  "doubt_at_payment",
  "not_read_back",
  "other_device",
  "other_receipt",
]);

/** The catalogue's key for a reason code; codes that end in a point of printing share a text. */
export function reasonKey(reason, has) {
  if (!reason) return "";
  const code = reason.startsWith("restart_at_") || IN_DOUBT.has(reason) ? "restart_at" : reason;
  return has(`reason.${code}`) ? `reason.${code}` : "reason.other";
}

const LINES = 2;

/** What staff have to see to, as texts' keys: what is to be done at the printer first, then what is in doubt on it. */
export function concernsOf(concerns) {
  const told = (concerns ?? []).map(({ code, doubt, more = 0 }) => ({ key: `look.${code}`, doubt, more }));
  const [doubts, others] = [told.filter(({ doubt }) => doubt), told.filter(({ doubt }) => !doubt)];
  return [...others.slice(0, 1), ...doubts.slice(0, 1)].slice(0, LINES);
}

/** The state at rest: a station without its devices must not invite anybody. A till can still sell. */
export function restingState(kind, place) {
  if (place.ready || kind === "till") return "idle";
  return "unavailable";
}

/** The amounts to show, in cents, or null: at a till always, elsewhere only what is still to be paid. */
export function sumsOf(shown, kind) {
  const due = shown.due_cents;
  if (due === undefined || due === null) return null;
  if (kind !== "till") return due > 0 ? { due } : null;
  if (shown.show === "refunded") return { due };
  const list = shown.list_cents ?? due;
  return list === due ? { due } : { list, discount: list - due, due };
}

/** The marks of the cards among which the cashier has to choose. */
export function marksOf(shown) {
  return shown.marks ?? [];
}

/** Of a group: how many of how many have passed, or null. */
export function groupOf(shown) {
  return shown.persons > 1 ? { passed: shown.passed ?? 0, persons: shown.persons } : null;
}

const LEFT_LINES = 2;
const LEFT_KEYS = {
  limited: { open: "left.of", until: "left.of_until" },
  free: { open: "left.some", until: "left.some_until" },
};

/** What is left of benefits, the first ones: the text's key, the amounts, and whether they are cents. */
export function leftOf(shown) {
  return (shown.left ?? []).slice(0, LEFT_LINES).map(({ left, limit = 0, unit = "units", until = "" }) => ({
    key: LEFT_KEYS[limit ? "limited" : "free"][until ? "until" : "open"],
    left,
    limit,
    until,
    inCents: unit === "cents",
  }));
}
