/** An axis by its letter; axes of an ellipsis are "…0", "…1" and on, counted from the last. */
export type Label = string;

export interface Equation {
  /** Labels of each operand's axes. */
  operands: Label[][];
  /** Labels of the result's axes. */
  output: Label[];
}

const TERM = /^([A-Za-z]*)(\.\.\.)?([A-Za-z]*)$/;

/**
 * Reads an equation for operands of the given ranks. Without an arrow the result has the axes of the ellipsis and then,
 * in alphabetical order, the labels that occur once. Axes of an ellipsis that the result does not name are summed over.
 *
 * @throws when it is malformed or does not fit the ranks.
 */
export function parseEquation(equation: string, ranks: readonly number[]): Equation {
  const [left, right, ...more] = equation.replace(/\s+/g, "").split("->");
  if (more.length > 0) throw new Error("has more than one arrow");
  const terms = left.split(",");
  if (terms.length !== ranks.length) throw new Error(`names ${terms.length} operands, got ${ranks.length}`);
  let widest = 0;
  const operands = terms.map((term, i) => {
    const { before, hasEllipsis, after } = splitTerm(term);
    const letters = before.length + after.length;
    if (hasEllipsis ? letters > ranks[i] : letters !== ranks[i]) {
      throw new Error(`has ${letters} labels in "${term}" for operand ${i}, which has ${ranks[i]} axes`);
    }
    widest = Math.max(widest, ranks[i] - letters);
    return [...before, ...ellipsis(ranks[i] - letters), ...after];
  });
  return { operands, output: right === undefined ? implied(operands, widest) : readOutput(right, operands, widest) };
}

const ellipsis = (count: number): Label[] => Array.from({ length: count }, (_, i) => `…${count - 1 - i}`);

function splitTerm(term: string): { before: string; hasEllipsis: boolean; after: string } {
  const match = TERM.exec(term);
  if (!match) throw new Error(`has a term "${term}" of more than letters and one ellipsis`);
  return { before: match[1], hasEllipsis: match[2] !== undefined, after: match[3] };
}

function implied(operands: readonly Label[][], widest: number): Label[] {
  const all = operands.flat();
  const once = all.filter((label) => !label.startsWith("…") && all.indexOf(label) === all.lastIndexOf(label));
  return [...ellipsis(widest), ...once.sort()];
}

function readOutput(term: string, operands: readonly Label[][], widest: number): Label[] {
  const { before, hasEllipsis, after } = splitTerm(term);
  const known = new Set(operands.flat());
  const letters = [...before, ...after];
  for (const letter of letters) {
    if (!known.has(letter)) throw new Error(`has a result with "${letter}", which no operand has`);
  }
  if (new Set(letters).size !== letters.length) throw new Error("repeats a label in its result");
  return [...before, ...(hasEllipsis ? ellipsis(widest) : []), ...after];
}
