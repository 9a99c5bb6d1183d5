/** Where in a file something is wrong. */
export interface SafetensorsErrorPlace {
  readonly tensor?: string;
  /** Byte position, counted from the start of the file. */
  readonly byte?: number;
}

/** A safetensors file or index that is malformed, or a tensor that cannot be read or written as asked. */
export class SafetensorsError extends Error {
  override name = "SafetensorsError";
  readonly tensor: string | undefined;
  readonly byte: number | undefined;

  constructor(
    readonly file: string,
    readonly problem: string,
    place: SafetensorsErrorPlace = {},
  ) {
    const tensor = place.tensor === undefined ? "" : `tensor ${quoted(place.tensor)}: `;
    const byte = place.byte === undefined ? "" : ` (byte ${place.byte})`;
    super(`${file}: ${tensor}${problem}${byte}`);
    this.tensor = place.tensor;
    this.byte = place.byte;
  }
}

const LONGEST_QUOTE = 200;

/** A name from a file, safe to print: cut short, control and text-direction characters escaped. */
export function quoted(text: string): string {
  const shown = text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE)}…` : text;
  return JSON.stringify(shown).replace(
    /[\p{Cc}\p{Cf}\u2028\u2029]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
}
