/** Right-hand sides to put in place of the defaults in a shader: declaration name -> WGSL text. */
export type Specialization = Readonly<Record<string, string | number | boolean>>;

const shared = new Map<string, string>();

/** Makes a text known under a name, by which the specialisations of every shader may `include` it. */
export function shareText(name: string, text: string): void {
  shared.set(name, text);
}

/** Every text shared by the modules imported so far, by name. */
export const sharedTexts = (): ReadonlyMap<string, string> => shared;

const escapeForRegExp = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/**
 * Replaces the right-hand side of named declarations in a shader.
 *
 * Three forms can be replaced, each written on one line in the source:
 * `const NAME: type = RHS;`, `alias NAME = RHS;` and `fn NAME(…) -> type { RHS }`.
 * The special name `enable` lists extensions to switch on, e.g. `{ enable: "f16" }`. The special name `include` lists
 * texts, separated by blanks, that are put behind the shader: functions that a replaced body calls. They are looked for in
 * `library`, and then among those of {@link shareText}.
 *
 * @throws when a name does not match exactly one declaration, or no text to include: a variant never silently stays
 *   at its default.
 */
export function specialize(
  shader: string,
  source: string,
  spec: Specialization,
  library: Readonly<Record<string, string>> = {},
): string {
  let code = source;
  let included = "";
  for (const [name, value] of Object.entries(spec)) {
    if (name === "enable") {
      code = `enable ${value};\n${code}`;
      continue;
    }
    if (name === "include") {
      for (const text of String(value).split(" ")) {
        const found = library[text] ?? shared.get(text);
        if (found === undefined) throw new Error(`shader ${shader}: no library "${text}" to include`);
        included += `\n${found}`;
      }
      continue;
    }
    const escaped = escapeForRegExp(name);
    const declaration = new RegExp(
      `^(const ${escaped}(?:\\s*:[^=\\n]+)?\\s*=\\s*)[^;\\n]*(;)|^(alias ${escaped}\\s*=\\s*)[^;\\n]*(;)|^(fn ${escaped}\\([^\\n{]*\\{)[^\\n]*(\\})`,
      "gm",
    );
    const matches = code.match(declaration)?.length ?? 0;
    if (matches !== 1) {
      throw new Error(`shader ${shader}: "${name}" names ${matches} one-line declarations, expected exactly one`);
    }
    code = code.replace(declaration, (...groups: string[]) => {
      const [, constant, constantEnd, alias, aliasEnd, fn, fnEnd] = groups;
      if (constant !== undefined) return `${constant}${value}${constantEnd}`;
      if (alias !== undefined) return `${alias}${value}${aliasEnd}`;
      return `${fn} ${value} ${fnEnd}`;
    });
  }
  return code + included;
}
