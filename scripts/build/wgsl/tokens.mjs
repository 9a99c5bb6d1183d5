// Splits WGSL into tokens and joins them again with as few blanks as the language allows.

const TOKEN =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|\s+|0[xX][0-9a-fA-F]+[iu]?|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[fhiu]?|[\p{XID_Start}_]\p{XID_Continue}*|[<>]|[-+*/%&|^=!]=|&&|\|\||\+\+|--|->|[^\s]/gu;

const BLANK = /^(?:\s|\/\/|\/\*)/;
const WORD = /^[\p{XID_Start}_]/u;
const NUMBER = /^\.?\d/;

/** @param {string} text @returns whether the token is an identifier or a keyword */
export const isWord = (text) => WORD.test(text);
/** @param {string} text @returns whether the token is a number */
export const isNumber = (text) => NUMBER.test(text);

/**
 * The tokens of a shader, without comments and blanks. `<` and `>` are always tokens of their own, since `>>` may end two
 * lists of a template.
 *
 * @param {string} source
 * @returns {{ text: string, glued: boolean, line: number }[]} `glued`: nothing stood before it; `line`: counted from 0
 */
export function tokensOf(source) {
  const tokens = [];
  let glued = false;
  let line = 0;
  for (const [text] of source.matchAll(TOKEN)) {
    if (BLANK.test(text)) {
      line += text.split("\n").length - 1;
      glued = false;
      continue;
    }
    tokens.push({ text, glued, line });
    glued = true;
  }
  return tokens;
}

/** A number as short as it can be written: no zeros that say nothing. */
export function shortNumber(text) {
  const found = /^(\d*)\.(\d*)((?:e[+-]?\d+)?[fh]?)$/i.exec(text);
  if (!found) return text;
  const whole = found[1].replace(/^0+/, "");
  const fraction = found[2].replace(/0+$/, "");
  return whole === "" && fraction === "" ? `0.${found[3]}` : `${whole}.${fraction}${found[3]}`;
}

/** Whether two tokens would become others without a blank between them. */
function needsBlank(left, right, wereGlued) {
  const endsWord = isWord(left) || isNumber(left);
  if (endsWord && (isWord(right) || NUMBER.test(right))) return true;
  const last = left[left.length - 1];
  const first = right[0];
  // `a - -b`, `a & &b`, `x / *p`; and `>` before `=`, which some compilers read as one token.
  if ("+-&|/".includes(last) && (first === last || (last === "/" && first === "*"))) return true;
  return !wereGlued && "<>".includes(last) && "<>=".includes(first);
}

/** The tokens as text; a line begins where `breaks` says so. */
export function joinTokens(tokens, breaks = new Set()) {
  let out = "";
  for (let i = 0; i < tokens.length; i++) {
    const { text, glued } = tokens[i];
    if (i > 0) out += breaks.has(i) ? "\n" : needsBlank(tokens[i - 1].text, text, glued) ? " " : "";
    out += text;
  }
  return out;
}
