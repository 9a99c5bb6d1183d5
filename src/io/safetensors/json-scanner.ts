import { quoted } from "./error.ts";

/** Raises an error about a byte position; never returns. */
export type Refuse = (byte: number, problem: string) => never;

/** Containers may nest this deep; the official parser's limit. */
const DEEPEST = 127;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Reads JSON (RFC 8259) straight from UTF-8 bytes, so that errors can name a byte, duplicate keys are seen
 * (`JSON.parse` silently keeps the last) and a hostile document builds nothing that its reader did not ask for.
 */
export class JsonScanner {
  #position = 0;
  #depth = 0;
  readonly #utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

  /** @param base byte position in the file of `bytes[0]`, for errors. */
  constructor(
    private readonly bytes: Uint8Array,
    private readonly base: number,
    private readonly refuse: Refuse,
  ) {}

  /** File position of the next value, white space skipped. */
  next(): number {
    this.#skipSpace();
    return this.base + this.#position;
  }

  /** Refuses anything but white space up to the end. */
  end(): void {
    this.#skipSpace();
    if (this.#position < this.bytes.length) this.#fail("unexpected text after the end of the JSON object");
  }

  /** Calls `member` at the value of each key, which it must read. Duplicate keys are refused. */
  object(what: string, member: (key: string, byte: number) => void): void {
    this.#open("{", what);
    const keys = new Set<string>();
    if (!this.#take("}")) {
      do {
        const byte = this.next();
        const key = this.string("a key");
        if (keys.has(key)) this.refuse(byte, `duplicate key ${quoted(key)} in ${what}`);
        keys.add(key);
        if (!this.#take(":")) this.#fail('expected ":"');
        member(key, byte);
      } while (this.#take(","));
      if (!this.#take("}")) this.#fail('expected "," or "}"');
    }
    this.#depth--;
  }

  /** Calls `item` at each item, which it must read. */
  array(what: string, item: () => void): void {
    this.#open("[", what);
    if (!this.#take("]")) {
      do item();
      while (this.#take(","));
      if (!this.#take("]")) this.#fail('expected "," or "]"');
    }
    this.#depth--;
  }

  string(what: string): string {
    const { bytes } = this;
    const byte = this.next();
    if (bytes[this.#position] !== QUOTE) this.#fail(`expected ${what}, a string`);
    const start = ++this.#position;
    let escaped = false;
    for (; bytes[this.#position] !== QUOTE; this.#position++) {
      const code = bytes[this.#position];
      if (code === undefined) this.#fail("the JSON ends within a string");
      if (code < 0x20) this.#fail("control character within a string");
      if (code === BACKSLASH) {
        escaped = true;
        this.#position++;
      }
    }
    const slice = bytes.subarray(start, this.#position++);
    let text: string;
    try {
      text = this.#utf8.decode(slice);
    } catch {
      return this.refuse(byte, "a string is not valid UTF-8");
    }
    if (!escaped) return text;
    try {
      text = JSON.parse(`"${text}"`);
    } catch {
      return this.refuse(byte, "a string has an invalid escape sequence");
    }
    if (/\p{Surrogate}/u.test(text)) this.refuse(byte, "a string has half of a surrogate pair");
    return text;
  }

  /** An integer of at most 2^53 - 1, written in digits alone: no sign, point or exponent. */
  unsignedInteger(what: string): number {
    const byte = this.next();
    const token = this.#number();
    if (!/^[0-9]+$/.test(token)) this.refuse(byte, `expected ${what}, a non-negative integer`);
    const value = Number(token);
    if (!Number.isSafeInteger(value)) this.refuse(byte, `${what} ${quoted(token)} overflows (more than 2^53 - 1)`);
    return value;
  }

  /** Reads any value and drops it, with the same strictness. */
  skip(): void {
    this.#skipSpace();
    const byte = this.base + this.#position;
    switch (String.fromCharCode(this.bytes[this.#position])) {
      case "{":
        this.object("an object", () => this.skip());
        break;
      case "[":
        this.array("an array", () => this.skip());
        break;
      case '"':
        this.string("a value");
        break;
      case "t":
        this.#literal("true");
        break;
      case "f":
        this.#literal("false");
        break;
      case "n":
        this.#literal("null");
        break;
      default:
        if (!Number.isFinite(Number(this.#number()))) this.refuse(byte, "a number overflows");
    }
  }

  #number(): string {
    const { bytes } = this;
    this.#skipSpace();
    const start = this.#position;
    let end = start;
    while (isNumberByte(bytes[end])) end++;
    const token = end - start > 400 ? "" : String.fromCharCode(...bytes.subarray(start, end));
    if (!/^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/.test(token)) this.#fail("expected a number");
    this.#position = end;
    return token;
  }

  #literal(word: string): void {
    for (let i = 0; i < word.length; i++) {
      if (this.bytes[this.#position + i] !== word.charCodeAt(i)) this.#fail("expected a JSON value");
    }
    this.#position += word.length;
  }

  #open(bracket: string, what: string): void {
    if (!this.#take(bracket)) this.#fail(`expected ${what}, starting with "${bracket}"`);
    if (++this.#depth > DEEPEST) this.#fail(`JSON nested more than ${DEEPEST} deep`);
  }

  #take(character: string): boolean {
    this.#skipSpace();
    if (this.bytes[this.#position] !== character.charCodeAt(0)) return false;
    this.#position++;
    return true;
  }

  #skipSpace(): void {
    const { bytes } = this;
    let position = this.#position;
    while (isSpace(bytes[position])) position++;
    this.#position = position;
  }

  #fail(problem: string): never {
    const byte = this.bytes[this.#position];
    const found =
      byte === undefined
        ? "the JSON ends here"
        : byte > 0x20 && byte < 0x7f
          ? `found "${String.fromCharCode(byte)}"`
          : `found byte 0x${byte.toString(16).padStart(2, "0")}`;
    return this.refuse(this.base + Math.min(this.#position, this.bytes.length), `${problem}; ${found}`);
  }
}

const isSpace = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

/** Digits, `+`, `-`, `.`, `e`, `E`. */
const isNumberByte = (byte: number): boolean =>
  (byte >= 0x30 && byte <= 0x39) || byte === 0x2b || byte === 0x2d || byte === 0x2e || byte === 0x65 || byte === 0x45;
