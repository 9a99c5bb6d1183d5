/** Letters of a text that are quoted of a value. */
const QUOTED = 40;

/** What a value is, in a few words: for errors about values that TypeScript would have refused. */
export function describeKind(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return "an array";
  if (typeof value !== "object") {
    const text = String(value);
    return `the ${typeof value} ${text.length > QUOTED ? `${text.slice(0, QUOTED)}…` : text}`;
  }
  const kind = value.constructor?.name ?? "Object";
  return kind === "Object" ? "an object" : `a ${kind}`;
}

/**
 * Refuses what is no object, or has not all of these methods.
 *
 * @param who the function that is given it
 * @param expected what it is to be, and where one gets it
 * @throws TypeError with both, and what it is instead.
 */
export function requireObject(
  who: string,
  value: unknown,
  expected: string,
  methods: readonly PropertyKey[] = [],
): void {
  const members = value as Record<PropertyKey, unknown> | null;
  if (typeof members === "object" && members && methods.every((name) => typeof members[name] === "function")) return;
  throw new TypeError(`${who}: expected ${expected}, got ${describeKind(value)}`);
}

/** Refuses what is no array. @throws TypeError as {@link requireObject} does. */
export function requireList(who: string, value: unknown, expected: string): void {
  if (!Array.isArray(value)) throw new TypeError(`${who}: expected ${expected}, got ${describeKind(value)}`);
}
