// Which source files a minified text is made of, by its source map.

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/**
 * Characters of a text by source file: from each place that a source map names to the next one.
 *
 * @param {string} text
 * @param {{ mappings: string, sources: string[] }} map source map, version 3
 * @returns {Map<string, number>} by the names in `sources`, of those that have any
 */
export function sourceBytes(text, { mappings, sources }) {
  const bytes = new Map();
  const lines = text.split("\n");
  let source = 0;
  for (const [line, segments] of mappings.split(";").entries()) {
    let column = 0;
    let owner;
    const add = (end) => {
      if (owner !== undefined && end > column) bytes.set(owner, (bytes.get(owner) ?? 0) + end - column);
    };
    for (const segment of segments === "" ? [] : segments.split(",")) {
      const [columns, sourceSteps] = decode(segment);
      add(column + columns);
      column += columns;
      source += sourceSteps ?? 0;
      owner = sourceSteps === undefined ? undefined : sources[source];
    }
    add(lines[line]?.length ?? 0);
  }
  return bytes;
}

/** The numbers of a segment: five bits a digit, the lowest first, of which the first is the sign; a sixth bit says that more follow. */
function decode(segment) {
  const numbers = [];
  let value = 0;
  let shift = 0;
  for (const character of segment) {
    const digit = DIGITS.indexOf(character);
    value += (digit & 31) << shift;
    shift += 5;
    if (digit & 32) continue;
    numbers.push(value & 1 ? -(value >> 1) : value >> 1);
    value = shift = 0;
  }
  return numbers;
}
