// A till's day, for the cashier: sums, who pays the discounts, articles that nobody knows. Asked anew when it is looked at.

import { LANGUAGES, loadTexts, money } from "./i18n.js";

const NOTES = {
  late: "day.late",
  not_printed: "day.not_printed",
  print_unknown: "day.print_unknown",
  erased: "day.erased",
  undated: "day.undated",
};
const SUMS = [
  ["sold", "day.sold"],
  ["refunded", "day.refunded"],
  ["voided", "day.voided"],
];

const at = (id) => document.getElementById(id);
const station = decodeURIComponent(location.pathname.split("/").pop());

let texts;
let language;

const text = (key) => texts.text(language, key);

async function start() {
  texts = await loadTexts();
  const view = await ask(`/v1/stations/${encodeURIComponent(station)}`);
  const wanted = new URLSearchParams(location.search);
  language = texts.language(wanted.get("lang"), ...view.languages);
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = text(element.dataset.text);
  at("date").setAttribute("aria-label", text("day.date"));
  at("date").value = wanted.get("date") ?? "";
  at("date").addEventListener("change", draw);
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && draw());
  await draw();
}

async function ask(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
  return answer.json();
}

async function draw() {
  const date = at("date").value;
  const day = await ask(`/v1/stations/${encodeURIComponent(station)}/day${date ? `?date=${date}` : ""}`);
  at("date").value = day.date;
  drawLanguages(date);
  at("title").textContent = `${text("day.title")} · ${day.station}`;
  document.title = at("title").textContent;
  const amount = (cents) => money(language, cents);
  const sumsOf = ({ count, list_cents, discount_cents, due_cents }) => [
    [count, "day.count"],
    [amount(list_cents), "sum.list"],
    [amount(discount_cents), "sum.discount"],
    [amount(due_cents), "sum.total"],
  ];
  fill("sums", SUMS.map(([name, key]) => [text(key), ...sumsOf(day[name])]));
  fill("means", day.means.map((one) => [text(`means.${one.means}`), [amount(one.sold_cents - one.back_cents)]]));
  at("taxed").hidden = day.vat.length === 0;
  fill("vat", day.vat.map((one) => [one.letter, [amount(one.gross_cents), "day.gross"], [amount(one.tax_cents), "day.tax"]]));
  fill("payers", day.payers.map((one) => [one.party, one.rule, [amount(one.sold_cents - one.back_cents)]]));
  fill("unmapped", day.unmapped.map((one) => [one.text, one.sku, one.category, [one.lines]]));
  const notes = Object.entries(NOTES).filter(([name]) => day[name] > 0);
  const lines = notes.map(([name, key]) => `${day[name]} ${text(key)}`);
  if (day.untaxed > 0 && day.vat.length > 0) lines.push(`${day.untaxed} ${text("day.untaxed")}`);
  if (day.partial) lines.push(text("day.partial"));
  at("look").hidden = lines.length === 0;
  at("notes").replaceChildren(...lines.map((line) => element("li", line)));
}

// The day that was chosen stays chosen.
function drawLanguages(date) {
  at("languages").replaceChildren(...LANGUAGES.map((other) => {
    const asked = new URLSearchParams({ lang: other, ...(date ? { date } : {}) });
    const link = Object.assign(element("a", other), { href: `?${asked}`, hreflang: other, lang: other });
    if (other === language) link.setAttribute("aria-current", "true");
    return link;
  }));
}

// A cell is a text, or a number with the name that stands beside it where there is no room for columns.
function fill(id, rows) {
  const none = element("td", text("overview.none"));
  const body = rows.map((cells) => row(cells.map((one) => (Array.isArray(one) ? number(...one) : element("td", one)))));
  at(id).replaceChildren(...(body.length ? body : [row([none])]));
}

function number(content, key) {
  const made = element("td", content);
  made.className = "number";
  if (key) made.dataset.name = text(key);
  return made;
}

function row(cells) {
  const made = document.createElement("tr");
  made.append(...cells);
  return made;
}

function element(name, content) {
  const made = document.createElement(name);
  made.textContent = content;
  return made;
}

start().catch((error) => {
  console.error(error);
  setTimeout(() => location.reload(), 5000);
});
