// Texts in four languages. All are loaded at the start: a person's language must not wait for the network.

export const LANGUAGES = ["lv", "lt", "en", "ru"];

/** Load the catalogues; answers `Texts`. */
export async function loadTexts() {
  const loaded = await Promise.all(
    LANGUAGES.map(async (language) => [language, await (await fetch(`/static/i18n/${language}.json`)).json()]),
  );
  return new Texts(Object.fromEntries(loaded));
}

export class Texts {
  constructor(catalogues) {
    this.catalogues = catalogues;
  }

  /** The first of these languages that there is. */
  language(...wanted) {
    return wanted.find((language) => language in this.catalogues) ?? "en";
  }

  has(language, key) {
    return key in this.catalogues[language];
  }

  /** The text of a key; a missing key shows itself. */
  text(language, key) {
    return this.catalogues[language][key] ?? key;
  }
}

export function money(language, cents) {
  return new Intl.NumberFormat(language, { style: "currency", currency: "EUR" }).format(cents / 100);
}

/** A civil day, "2026-11-30", as it stands after "until": Latvian would have to bend the month's name. */
export function day(language, iso) {
  const month = language === "lv" ? "numeric" : "long";
  const format = new Intl.DateTimeFormat(language, { day: "numeric", month, timeZone: "UTC" });
  return format.format(new Date(`${iso}T00:00Z`));
}

/** "5 seconds ago", with the language's own plurals. */
export function ago(language, seconds) {
  const format = new Intl.RelativeTimeFormat(language, { style: "short" });
  for (const [unit, size] of [["day", 86400], ["hour", 3600], ["minute", 60]]) {
    if (seconds >= size) return format.format(-Math.floor(seconds / size), unit);
  }
  return format.format(-Math.floor(seconds), "second");
}
