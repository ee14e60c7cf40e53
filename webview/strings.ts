/** Texts in the person's language: English is the key. */

/** Gives the text in the person's language, with `{0}`, `{1}` … replaced. */
export type Translate = (text: string, ...values: readonly (string | number)[]) => string;

/** @param strings by the English text; what is not in it stays English. */
export function translator(strings: Readonly<Record<string, string>>): Translate {
  return (text, ...values) =>
    (strings[text] ?? text).replace(/\{(\d+)\}/g, (whole, place: string) =>
      String(values[Number(place)] ?? whole),
    );
}
