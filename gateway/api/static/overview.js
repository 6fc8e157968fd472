// The technician's page: the four chains, devices, stations, the way to the city and the last events.

import { icon } from "./icons.js";
import { LANGUAGES, ago, loadTexts } from "./i18n.js";
import { follow } from "./live.js";
import { reasonKey } from "./states.js";

const LOOK_MS = 5000;
const EVENTS_KEPT = 20;

const LEVEL_OF_HEALTH = { ready: "ok", starting: "warn" };

const at = (id) => document.getElementById(id);

let texts;
let language;
let looking = null;
const events = [];

const text = (key) => texts.text(language, key);

async function start() {
  texts = await loadTexts();
  const status = await look();
  const asked = new URLSearchParams(location.search).get("lang");
  language = texts.language(asked, ...(status.stations[0]?.languages ?? []));
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = text(element.dataset.text);
  drawLanguages();
  draw(status);
  const newest = Math.max(0, ...status.stations.map((station) => station.number));
  follow(null, Math.max(0, newest - EVENTS_KEPT), {
    shown: take,
    place: refresh,
    down(isDown) {
      at("down").hidden = !isDown;
      if (!isDown) refresh();
    },
  });
  document.addEventListener("visibilitychange", keepLooking);
  keepLooking();
}

async function look() {
  const answer = await fetch("/v1/status");
  if (!answer.ok) throw new Error(`status: ${answer.status}`);
  return answer.json();
}

function refresh() {
  look().then(draw, (error) => console.error(error));
}

// Only who is looked at asks: a forgotten tab must not keep the gateway awake.
function keepLooking() {
  clearInterval(looking);
  if (document.visibilityState !== "visible") return;
  refresh();
  looking = setInterval(refresh, LOOK_MS);
}

function element(tag, content, properties = {}) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...[content].flat().filter((part) => part !== "" && part !== null && part !== undefined));
  return made;
}

function level(name, words) {
  const made = element("span", [icon(name), words], { className: "level" });
  made.dataset.level = name;
  return made;
}

function draw(status) {
  const worst = ["fail", "warn", "ok"].find((name) => status.chains.some((chain) => chain.level === name)) ?? "ok";
  at("overall").dataset.level = worst;
  at("overall").replaceChildren(icon(worst), text(`level.${worst}`));
  at("chains").replaceChildren(...status.chains.map((chain) => drawChain(chain, status.now_ms)));
  at("stations").replaceChildren(...status.stations.map(drawStation));
  at("devices").replaceChildren(...status.devices.map(drawDevice));
  drawFacts(at("sync"), syncFacts(status.sync));
  drawFacts(at("ledger"), ledgerFacts(status));
}

function drawChain(chain, nowMs) {
  const last = chain.last_ms ? ago(language, (nowMs - chain.last_ms) / 1000) : text("overview.never");
  const item = element("li", [
    element("strong", text(`chain.${chain.chain}`)),
    level(chain.level, text(`level.${chain.level}`)),
    chain.cause ? element("p", chain.cause) : "",
    chain.advice ? element("p", chain.advice, { className: "quiet" }) : "",
    element("p", `${text("overview.last_success")}: ${last}`, { className: "quiet" }),
  ]);
  item.dataset.level = chain.level;
  return item;
}

function drawStation(station) {
  const concerns = station.concerns ?? [];
  const name = station.ready && concerns.length === 0 ? "ok" : "warn";
  const item = element("li", [
    element("a", `${station.id} (${text(`kind.${station.kind}`)})`, { href: `/station/${encodeURIComponent(station.id)}` }),
    level(name, text(`level.${name}`)),
    ...concerns.map(({ code }) => element("p", text(`look.${code}`))),
    station.inside ? element("p", `${text("overview.inside")}: ${insideOf(station.inside)}`) : "",
    element("p", station.devices.join(", "), { className: "quiet" }),
  ]);
  item.dataset.level = name;
  return item;
}

function insideOf({ persons, capacity }) {
  return capacity ? `${persons} / ${capacity}` : String(persons);
}

function row(cells) {
  return element("tr", cells.map(([column, content, fixed]) => {
    const cell = element("td", content, { className: fixed ? "fixed" : "" });
    cell.dataset.name = text(`column.${column}`);
    return cell;
  }));
}

function drawDevice(device) {
  const name = LEVEL_OF_HEALTH[device.health] ?? "fail";
  const alive = device.alive_age_ms;
  return row([
    ["device", `${device.device} (${device.driver})`],
    ["state", level(name, text(`health.${device.health}`))],
    ["cause", device.cause ?? ""],
    ["advice", device.advice ?? ""],
    ["alive", alive === undefined || alive === null ? "" : ago(language, alive / 1000), true],
    ["restarts", device.restarts ? String(device.restarts) : "", true],
  ]);
}

function syncFacts(sync) {
  const waiting = Object.entries(sync.backlog).filter(([, count]) => count > 0);
  const bundles = Object.entries(sync.bundles);
  return [
    ["overview.connected", sync.connected ? `${text("overview.yes")} (MQTT ${sync.protocol})` : text("overview.no")],
    ["column.cause", sync.problem],
    ["overview.backlog", waiting.map(([stream, count]) => `${stream} ${count}`).join(", ") || "0"],
    ["overview.last_ack", sync.last_ack_age_s === null ? text("overview.never") : ago(language, sync.last_ack_age_s)],
    ["overview.bundles", bundles.map(([kind, number]) => `${kind} ${number}`).join(", ") || text("overview.none")],
  ];
}

function ledgerFacts(status) {
  const stored = Object.entries(status.ledger.last).filter(([, count]) => count > 0);
  const free = status.ledger.free_bytes;
  return [
    ["column.cause", status.ledger.problem],
    ["column.advice", status.ledger.advice],
    ["overview.stored", stored.map(([stream, count]) => `${stream} ${count}`).join(", ") || "0"],
    ["overview.free", free === undefined || free === null ? "" : megabytes(free)],
    ["overview.started", ago(language, status.uptime_s)],
  ];
}

function megabytes(bytes) {
  const format = new Intl.NumberFormat(language, { style: "unit", unit: "megabyte", maximumFractionDigits: 0 });
  return format.format(bytes / 1e6);
}

function drawFacts(list, facts) {
  const told = facts.filter(([, fact]) => fact);
  list.replaceChildren(...told.map(([key, fact]) => element("div", [element("dt", text(key)), element("dd", fact)])));
}

function take(shown) {
  if (shown.show !== "idle") events.unshift(shown);
  events.length = Math.min(events.length, EVENTS_KEPT);
  at("events").replaceChildren(...events.map(drawEvent));
}

function drawEvent(shown) {
  const reason = shown.reason ? text(reasonKey(shown.reason, (key) => texts.has(language, key))) : "";
  const kind = shown.kind ? `${text(`credential.${shown.kind}`)}, ${text(`strength.${shown.strength}`)}` : "";
  const time = new Intl.DateTimeFormat(language, { timeStyle: "medium", hourCycle: "h23" }).format(shown.at_ms);
  return row([
    ["time", time, true],
    ["station", shown.station],
    ["show", text(`state.${shown.show}.title`)],
    ["reason", shown.advice ? `${reason} ${shown.advice}` : reason],
    ["credential", kind],
    ["mark", shown.mark ?? "", true],
    ["entry", (shown.entry ?? "").split("/").slice(-2).join(" "), true],
  ]);
}

function drawLanguages() {
  at("languages").replaceChildren(...LANGUAGES.map((other) => {
    const link = element("a", other, { href: `?lang=${other}`, hreflang: other, lang: other });
    if (other === language) link.setAttribute("aria-current", "true");
    return link;
  }));
}

start().catch((error) => {
  console.error(error);
  setTimeout(() => location.reload(), LOOK_MS);
});
