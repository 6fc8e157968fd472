// The page of one station, in view of the people it serves: one state at a time, back to idle by itself.

import { icon } from "./icons.js";
import { day, loadTexts, money } from "./i18n.js";
import { follow } from "./live.js";
import { concernsOf, groupOf, leftOf, marksOf, reasonKey, restingState, stateOf, sumsOf } from "./states.js";

const PERSON_MS = 60000; // At a till the price follows the tap: it speaks the same language.

const SCALES = [1, 0.9, 0.8, 0.7, 0.6, 0.5];

const DUE_NAMES = { recorded: "sum.total", refunded: "sum.back" };

const at = (id) => document.getElementById(id);
const station = decodeURIComponent(location.pathname.split("/").pop());

let texts;
let view;
let place = { online: true, ready: true };
let isDown = false;
let showing = null; // The event on the screen, or null at rest.
let restTimer = null;
let person = { language: "", until: 0 };

async function start() {
  texts = await loadTexts();
  const answer = await fetch(`/v1/stations/${encodeURIComponent(station)}`);
  if (!answer.ok) throw new Error(`station ${station}: ${answer.status}`);
  view = await answer.json();
  const { online, ready, benefits_end_ms, benefits_until_ms, concerns } = view;
  place = { online, ready, benefits_end_ms, benefits_until_ms, concerns };
  document.title = `${view.id} · Smart Place`;
  rest();
  if (view.shown) take(view.shown, view.age_ms ?? 0);
  addEventListener("resize", fit);
  follow(station, view.number, {
    shown: take,
    place(now) {
      place = now;
      redraw();
    },
    down(now) {
      isDown = now;
      redraw();
    },
  });
}

function take(shown, ageMs) {
  const { state, reason, holdMs } = stateOf(shown);
  if (shown.language) person = { language: shown.language, until: Date.now() + PERSON_MS };
  if (ageMs >= holdMs) {
    if (state === "idle") rest();
    return;
  }
  showing = { shown, state, reason };
  redraw();
  clearTimeout(restTimer);
  restTimer = setTimeout(rest, holdMs - ageMs);
}

function rest() {
  if (showing?.state === "recorded" || view.kind !== "till") person = { language: "", until: 0 };
  showing = null;
  redraw();
}

function redraw() {
  if (showing) draw(showing.state, showing.reason, showing.shown);
  else draw(isDown ? "down" : restingState(view.kind, place), "", {});
  drawBadges();
  drawStaff();
  fit();
}

// What is said to staff takes room: what the customer sees becomes smaller until all of it stands on the screen.
function fit() {
  for (const scale of at("staff").hidden ? [1] : SCALES) {
    document.documentElement.style.setProperty("--fit", scale);
    if (document.documentElement.scrollHeight <= innerHeight) return;
  }
}

function languageNow() {
  const own = showing && Date.now() < person.until ? [person.language] : [];
  return texts.language(...own, ...view.languages);
}

function draw(state, reason, shown) {
  const language = languageNow();
  const text = (key) => texts.text(language, key);
  const byKind = (key) => (texts.has(language, `${key}.${view.kind}`) ? `${key}.${view.kind}` : key);
  document.documentElement.lang = language;
  document.body.dataset.state = state;
  at("icon").replaceChildren(icon(state));
  at("title").textContent = text(byKind(`state.${state}.title`));
  drawDetail(state, reason, language, text, byKind);
  drawSums(sumsOf(shown, view.kind), state, language, text);
  drawLeft(leftOf(shown), groupOf(shown), marksOf(shown), language, text);
}

function drawLeft(left, group, marks, language, text) {
  const number = (value) => new Intl.NumberFormat(language).format(value);
  const lineOf = (key, words) => {
    const line = document.createElement("li");
    line.textContent = text(key).replace(/\{(\w+)\}/g, (_, name) => words[name]);
    return line;
  };
  const lines = left.map(({ key, left: rest, limit, until, inCents }) => {
    const amount = (value) => (inCents ? money(language, value) : number(value));
    return lineOf(key, { left: amount(rest), limit: amount(limit), until: until && day(language, until) });
  });
  if (group) {
    lines.unshift(lineOf("group.so_far", { passed: number(group.passed), persons: number(group.persons) }));
  }
  lines.push(...marks.map((mark) => lineOf("marks.card", { mark })));
  at("left").replaceChildren(...lines);
  at("left").hidden = lines.length === 0;
}

function drawDetail(state, reason, language, text, byKind) {
  const detail = at("detail");
  const second = state === "idle" && view.languages.find((other) => other !== language);
  if (second) {
    // At rest nobody's language is known: the place's second one stands below the first.
    const other = texts.language(second);
    detail.lang = other;
    detail.textContent = texts.text(other, byKind("state.idle.title"));
    return;
  }
  detail.removeAttribute("lang");
  const key = reasonKey(reason, (candidate) => texts.has(language, candidate)) || byKind(`state.${state}.detail`);
  detail.textContent = text(key);
}

function drawSums(sums, state, language, text) {
  at("sums").hidden = sums === null;
  for (const name of ["list", "discount", "due"]) {
    const cents = sums?.[name];
    at(name).parentElement.hidden = cents === undefined;
    at(`${name}-name`).textContent = text(name === "due" ? (DUE_NAMES[state] ?? "sum.due") : `sum.${name}`);
    at(name).textContent = cents === undefined ? "" : money(language, name === "discount" ? -cents : cents);
  }
}

function moment(ms) {
  return new Date(ms).toLocaleString(languageNow(), { dateStyle: "medium", timeStyle: "short" });
}

function drawBadges() {
  const badges = [];
  if (!place.online) badges.push(["offline", "badge.offline"]);
  if (!place.ready && restingState(view.kind, place) === "idle") badges.push(["attention", "badge.not_ready"]);
  const end = place.benefits_end_ms ?? 0;
  if (end > Date.now()) badges.push(["attention", "badge.benefits_end", moment(end)]);
  else if (end) badges.push(["attention", "badge.benefits_ended"]);
  else if (view.kind === "till" && !place.online && place.benefits_until_ms) {
    badges.push(["offline", "badge.benefits_until", moment(place.benefits_until_ms)]);
  }
  at("badges").replaceChildren(
    ...badges.map(([name, key, more = ""]) => {
      const badge = document.createElement("div");
      badge.className = "badge";
      badge.append(icon(name), `${texts.text(languageNow(), key)} ${more}`.trim());
      return badge;
    }),
  );
}

// In the place's own language, whoever is served meanwhile, and drawn anew only when it says something else: it stands
// there for hours.
function drawStaff() {
  const language = texts.language(...view.languages);
  const lines = concernsOf(place.concerns).map((concern) => [
    texts.text(language, concern.key),
    concern.doubt ? factsOf(concern.doubt, concern.more, language) : "",
  ]);
  const said = JSON.stringify([language, lines]);
  const staff = at("staff");
  if (staff.dataset.said === said) return;
  staff.dataset.said = said;
  staff.lang = language;
  staff.hidden = lines.length === 0;
  staff.replaceChildren(...lines.map(([title, facts]) => drawConcern(title, facts)));
}

function drawConcern(title, facts) {
  const [line, words] = [document.createElement("div"), document.createElement("div")];
  for (const [text, name] of [[title, ""], [facts, "facts"]]) {
    const said = Object.assign(document.createElement("p"), { className: name, textContent: text });
    if (text) words.append(said);
  }
  line.append(icon("attention"), words);
  return line;
}

// What stands on the paper: by it the receipt is found there.
function factsOf(doubt, more, language) {
  const text = (key) => texts.text(language, key);
  const format = new Intl.DateTimeFormat(language, {
    ...(new Date(doubt.began_ms).toDateString() === new Date().toDateString() ? {} : { dateStyle: "short" }),
    timeStyle: "short",
    hourCycle: "h23",
  });
  const facts = [text(`look.kind.${doubt.kind}`), format.format(doubt.began_ms)];
  if (typeof doubt.total_cents === "number") facts.push(money(language, doubt.total_cents));
  if (["receipt", "reversal"].includes(doubt.kind)) facts.push(`Nr. ${doubt.key}`);
  if (doubt.number_before) facts.push(`${text("look.after")} ${doubt.number_before}`);
  if (more) facts.push(text("look.more").replace("{count}", more));
  return facts.map((fact) => fact.replaceAll(" ", "\u00a0")).join(" · ");
}

start().catch((error) => {
  // Without its texts or its station the page can only try again.
  console.error(error);
  setTimeout(() => location.reload(), 5000);
});
