// For the staff of one desk, on a screen that visitors do not see: who is there, register a further card, block a lost one.
// The token stays in this tab. What is confirmed is what was shown: a later card makes it void.

import { LANGUAGES, loadTexts } from "./i18n.js";

const LOOK_MS = 1000;

const at = (id) => document.getElementById(id);
const station = decodeURIComponent(location.pathname.split("/").pop());
const slips = `/v1/stations/${encodeURIComponent(station)}/slips`;
const address = `/v1/stations/${encodeURIComponent(station)}/cards`;

// What the gateway answers when something cannot be done, as far as staff can do something about it.
const TOLD = {
  not_staff: "staff.not_staff",
  no_staff: "staff.no_staff",
  not_a_desk: "staff.no_staff",
  too_many_tokens: "staff.too_many_tokens",
  presented_changed: "staff.presented_changed",
};

// How a slip ended, or why there is none.
const SLIP = {
  printed: "staff.slip_printed",
  sent: "staff.slip_sent",
  not_printed: "staff.slip_not_printed",
  unknown: "staff.slip_unknown",
  printer_not_ready: "staff.slip_not_printed",
  no_slip_printer: "staff.no_slips",
  nobody_there: "staff.nobody",
};

let texts;
let language = "lv";
let timer = null;
let busy = false;

async function start() {
  texts = await loadTexts();
  const view = await (await fetch(`/v1/stations/${encodeURIComponent(station)}`)).json();
  language = texts.language(...(view.languages ?? []));
  at("station").textContent = station;
  at("enter").addEventListener("click", enter);
  at("token").addEventListener("keydown", (event) => event.key === "Enter" && enter());
  at("link").addEventListener("click", () => ask("link"));
  at("slip").addEventListener("click", slip);
  write();
}

function text(key) {
  return texts.text(language, key);
}

function write() {
  document.documentElement.lang = language;
  document.title = `${text("staff.title")} · ${station}`;
  for (const node of document.querySelectorAll("[data-text]")) node.textContent = text(node.dataset.text);
  at("languages").replaceChildren(
    ...LANGUAGES.map((other) => {
      const choice = document.createElement("a");
      choice.href = `#${other}`;
      choice.textContent = other;
      if (other === language) choice.setAttribute("aria-current", "true");
      choice.addEventListener("click", () => {
        language = other;
        write();
      });
      return choice;
    }),
  );
}

async function call(options = {}) {
  const headers = { Authorization: `Bearer ${at("token").value.trim()}`, ...options.headers };
  const answer = await fetch(address, { ...options, headers });
  const body = await answer.json();
  if (answer.ok) return body;
  tell(text(TOLD[body.code] ?? "staff.failed"));
  if (["not_staff", "too_many_tokens", "no_staff", "not_a_desk"].includes(body.code)) leave();
  return null;
}

async function enter() {
  tell("");
  if (!at("name").value.trim()) return tell(text("staff.no_name"));
  const now = await call().catch(down);
  if (now === null) return;
  at("door").hidden = true;
  at("desk").hidden = false;
  draw(now);
  clearInterval(timer);
  timer = setInterval(look, LOOK_MS);
}

function leave() {
  clearInterval(timer);
  at("door").hidden = false;
  at("desk").hidden = true;
}

async function look() {
  if (busy) return;
  const now = await call().catch(down);
  if (now === null || busy) return;
  if (isDown) tell("");
  isDown = false;
  draw(now);
}

let presented = "";
let isDown = false;

// What is on the page is not of now any more: staff must not act on it, nor wait in vain.
function down() {
  isDown = true;
  presented = "";
  document.body.dataset.drawn = "";
  for (const id of ["nobody", "person", "link", "slip", "known-title"]) at(id).hidden = true;
  at("verdict").textContent = "";
  at("known").replaceChildren();
  tell(text("overview.down"));
  return null;
}

function draw(now) {
  // Redrawn only when something else is presented: a button must not move under a finger.
  if ((now.presented ?? "") === presented && document.body.dataset.drawn === language) return;
  presented = now.presented ?? "";
  document.body.dataset.drawn = language;
  if (presented) tell("");
  at("nobody").hidden = Boolean(presented);
  at("person").hidden = !presented;
  at("proof").textContent = now.proof ? named(now.proof) : "";
  at("further").textContent = now.further ? named(now.further) : "–";
  at("verdict").textContent = now.verdict ? text(`verdict.${now.verdict}`) : "";
  const ready = now.verdict === "ready";
  at("link").hidden = !ready;
  at("slip").hidden = !now.proof;
  at("known-title").hidden = !(now.known ?? []).length;
  at("known").replaceChildren(...(now.known ?? []).map((card) => row(card, ready)));
}

function named(card) {
  const strength = card.strength ? `, ${text(`strength.${card.strength}`)}` : "";
  return `${text(`credential.${card.kind}`)} ${card.mark}${strength}`;
}

function row(card, ready) {
  const line = document.createElement("li");
  const name = document.createElement("span");
  name.textContent = named(card) + (card.blocked ? `, ${text("staff.blocked")}` : "");
  line.append(name);
  if (!card.blocked) line.append(button("staff.block", () => ask("block", card.mark)));
  if (ready) line.append(button("staff.replace", () => ask("replace", card.mark)));
  return line;
}

function button(key, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text(key);
  made.addEventListener("click", act);
  return made;
}

async function ask(act, lost) {
  if (busy) return;
  busy = true;
  const body = JSON.stringify({ act, presented, staff: at("name").value.trim(), ...(lost ? { lost } : {}) });
  // One key for one click: the same request may be sent again, and is done once.
  const headers = { "Content-Type": "application/json", "Idempotency-Key": crypto.randomUUID() };
  try {
    const done = await again(() => call({ method: "POST", body, headers }));
    if (done !== null) tell(`${text("staff.done")} ${done.request.slice(0, 8)}`);
  } catch {
    tell(text("staff.failed"));
  } finally {
    busy = false;
  }
}

// What is left for whoever is there, on paper. It needs no token, and its answer says nothing of it.
async function slip() {
  if (busy) return;
  busy = true;
  const headers = { "Content-Type": "application/json", "Idempotency-Key": crypto.randomUUID() };
  try {
    const answer = await again(() => fetch(slips, { method: "POST", headers, body: '{"kind": "balance"}' }));
    const told = await answer.json();
    tell(text(SLIP[told.state ?? told.code] ?? "staff.failed"));
  } catch {
    tell(text("staff.failed"));
  } finally {
    busy = false;
  }
}

async function again(send) {
  try {
    return await send();
  } catch {
    return send(); // The line broke: whether it arrived is not known, and the key makes it safe to ask.
  }
}

function tell(words) {
  at("told").textContent = words;
  at("told").hidden = !words;
}

start().catch((error) => {
  console.error(error);
  setTimeout(() => location.reload(), 5000);
});
