/** A shader says on lines of this form how many workgroups it wants, one line for each dispatch. */
const GRID_LINE = /^[ \t]*\/\/[ \t]*grid:[ \t]*(.*)$/gm;

/** `const NAME = 16u;` of a shader: a grid may name it. */
const CONSTANT = /^[ \t]*const[ \t]+(\w+)[ \t]*(?::[ \t]*u32)?[ \t]*=[ \t]*(\d+)u?[ \t]*;/gm;

const FUNCTIONS: Readonly<Record<string, (...values: number[]) => number>> = {
  ceil: Math.ceil,
  floor: Math.floor,
  min: Math.min,
  max: Math.max,
};

/**
 * The workgroups of each dispatch of a shader along x, y and z, from its lines `// grid: ceil(N / 8), ceil(M / 8)`.
 * They are expressions of the sizes, of whole constants of the shader, of numbers, of + - * / and parentheses, and of
 * ceil, floor, min and max.
 *
 * @throws when there is no such line, or one is no such expression.
 */
export function readGrids(source: string, sizes: Readonly<Record<string, number>>): number[][] {
  const lines = [...source.matchAll(GRID_LINE)].map(([, text]) => text.trim());
  if (lines.length === 0) {
    const names = Object.keys(sizes).join(", ");
    throw new Error(
      `the shader does not say how many workgroups it wants: add a line such as "// grid: ceil(${Object.keys(sizes)[0]} / 64)" (of ${names})`,
    );
  }
  const names: Record<string, number> = { ...sizes };
  for (const [, name, value] of source.matchAll(CONSTANT)) names[name] = Number(value);
  return lines.map((line) => {
    const grid = new Parser(line, names).list();
    if (grid.length > 3) throw new Error(`grid "${line}": ${grid.length} dimensions, expected one to three`);
    for (const count of grid) {
      if (!(Number.isInteger(count) && count >= 1)) {
        throw new Error(`grid "${line}": ${count} is no number of workgroups; use ceil() where lengths do not divide`);
      }
    }
    return grid;
  });
}

/** Recursive descent over the text of one line. */
class Parser {
  readonly #tokens: string[];
  #next = 0;

  constructor(
    private readonly text: string,
    private readonly names: Readonly<Record<string, number>>,
  ) {
    this.#tokens = text.match(/\d+(?:\.\d+)?|\w+|\S/g) ?? [];
  }

  /** Expressions separated by commas, up to the end of the line. */
  list(): number[] {
    const values = this.#arguments();
    if (this.#next < this.#tokens.length) this.#fail(`unexpected "${this.#tokens[this.#next]}"`);
    return values;
  }

  #arguments(): number[] {
    const values = [this.#sum()];
    while (this.#take(",")) values.push(this.#sum());
    return values;
  }

  #sum(): number {
    let value = this.#product();
    for (;;) {
      if (this.#take("+")) value += this.#product();
      else if (this.#take("-")) value -= this.#product();
      else return value;
    }
  }

  #product(): number {
    let value = this.#atom();
    for (;;) {
      if (this.#take("*")) value *= this.#atom();
      else if (this.#take("/")) value /= this.#atom();
      else return value;
    }
  }

  #atom(): number {
    const token = this.#tokens[this.#next++];
    if (token === undefined) this.#fail("it ends too early");
    if (token === "(") {
      const value = this.#sum();
      if (!this.#take(")")) this.#fail('a ")" is missing');
      return value;
    }
    if (/^\d/.test(token)) return Number(token);
    if (Object.hasOwn(FUNCTIONS, token) && this.#take("(")) {
      const values = this.#arguments();
      if (!this.#take(")")) this.#fail('a ")" is missing');
      return FUNCTIONS[token](...values);
    }
    if (Object.hasOwn(this.names, token)) return this.names[token];
    return this.#fail(`unknown name "${token}"; there are ${Object.keys(this.names).join(", ")}`);
  }

  #take(token: string): boolean {
    if (this.#tokens[this.#next] !== token) return false;
    this.#next++;
    return true;
  }

  #fail(why: string): never {
    throw new Error(`grid "${this.text}": ${why}`);
  }
}
