// A till's software (POS) and the Smart Place Gateway: a whole sale, a refund and a void. Node 18 or newer, or a browser
// whose origin the gateway's configuration names. Take what you need; it is under the licence of the gateway.
//
//     node pos.js http://127.0.0.1:8080/v1/stations/shop-till

const GATEWAY = globalThis.process?.argv[2] ?? "http://127.0.0.1:8080/v1/stations/shop-till";
const TRIES = 10; // Of one request. A receipt that is printed at the gateway may take a minute.

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** The gateway says no, and why. `problem.code` is stable: docs/errors.md lists every one. */
class Refused extends Error {
  constructor(problem) {
    super(`${problem.code}: ${problem.detail}. ${problem.advice ?? ""}`);
    this.problem = problem;
  }
}

/**
 * The gateway's answer. After a broken line nobody knows whether the request was heard: the very same request with the
 * very same key is repeated, and books once, however often it is sent.
 */
async function ask(path, body, key, method = "POST") {
  for (let attempt = 1; ; attempt += 1) {
    let answer;
    let told;
    try {
      answer = await fetch(`${GATEWAY}/${path}`, {
        method,
        headers: { "Content-Type": "application/json", "Idempotency-Key": key },
        body: body === null ? undefined : JSON.stringify(body),
      });
      told = await answer.json();
    } catch (error) {
      if (attempt === TRIES) throw error;
      await pause(200 * attempt);
      continue;
    }
    if (answer.ok) return told;
    const wait = answer.headers.get("Retry-After");
    if (wait === null || attempt === TRIES) throw new Refused(told);
    await pause(1000 * Number(wait));
  }
}

/** What is due. `replaces`: the quote of this receipt before it was changed. */
async function quote(receipt, key, replaces = "") {
  const body = replaces ? { receipt, replaces } : { receipt };
  try {
    return await ask("quotes", body, key);
  } catch (error) {
    if (error.problem?.code !== "two_taps") throw error;
    // Two customers have held a card to the reader. Show the marks to the cashier, who chooses one, or "none".
    return ask("quotes", { ...body, tap: "none" }, key);
  }
}

async function main() {
  const shift = Math.random().toString(16).slice(2, 10);
  const receipt = {
    means: "card",
    lines: [
      { id: "1", text: "Picture book", category: "books", unit_cents: 1390, quantity: 2000, vat: "A" },
      { id: "2", text: "Rope, by the metre", unit_cents: 99, quantity: 1500, vat: "A" },
    ],
  };

  // A sale. The customer may have held a card to the reader before.
  let offer = await quote(receipt, `${shift}-1-quote`);
  console.log("to pay:", offer.due_cents, "cents, discount", offer.discount_cents);

  // The customer puts one book back: a new quote takes the place of the first, and the card need not be shown again.
  receipt.lines[0].quantity = 1000;
  offer = await quote(receipt, `${shift}-1-changed`, offer.quote);
  for (const line of offer.lines) {
    // Each line's discount goes on paper as an amount; `shares` say who pays it, and in which form it stands there.
    console.log("line", line.line, line.list_cents, "less", line.discount_cents ?? 0);
  }
  if (offer.unmapped) console.log("no category:", offer.unmapped);

  // ... the customer pays, the POS prints its fiscal receipt ...

  const sold = await ask("receipts", { quote: offer.quote, fiscal_number: "LV-0042" }, `${shift}-1`);
  console.log("recorded as", sold.entry);

  // Later, at any till of the shop: the book comes back. First what it comes to, then the paper, then the record.
  const back = { receipt: sold.entry, lines: [{ line: "1", quantity: 1000 }] };
  const seen = await ask("refunds", { ...back, preview: true }, `${shift}-2-preview`);
  console.log("to give back:", seen.due_cents, "cents");
  const paper = { due_cents: seen.due_cents, fiscal_number: "LV-0043" };
  const given = await ask("refunds", { ...back, ...paper }, `${shift}-2`);
  console.log("refund recorded as", given.entry);

  // A receipt that is cancelled before anybody has left the shop, named by the key of its commit.
  offer = await quote(receipt, `${shift}-3-quote`);
  await ask("receipts", { quote: offer.quote, fiscal_number: "LV-0044" }, `${shift}-3`);
  const done = await ask("voids", { key: `${shift}-3` }, `${shift}-3-void`);
  console.log("void recorded as", done.entry);

  // A customer who changes their mind before paying: what the quote held is free again.
  offer = await quote(receipt, `${shift}-4-quote`);
  await ask(`quotes/${offer.quote}`, null, `${shift}-4-withdrawn`, "DELETE");
  console.log("withdrawn");
}

main();
