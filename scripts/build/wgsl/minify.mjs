// Makes shaders small for the bundles: no comments, no blanks, short names. A name that several files share gets the same
// short one in all of them, which compresses best, and names that never meet may share one.
import { isNumber, isWord, joinTokens, shortNumber, tokensOf } from "./tokens.mjs";

const DECLARES = new Set(["const", "let", "var", "fn", "alias", "struct", "override"]);
const DIRECTIVES = new Set(["enable", "requires", "diagnostic"]);
const SWIZZLE = /^(?:[xyzw]{1,4}|[rgba]{1,4})$/;
const VECTOR = /^(?:vec[234]|mat[234]x[234])$/;
const SUFFIX = { f32: "f", i32: "i", u32: "u", f16: "h" };

/** Keywords and reserved words that are as short. */
const RESERVED = new Set(["as", "do", "fn", "if", "in", "is", "of", "or"]);

/**
 * Where each token of a shader stands: what it names and whether it may have another name.
 *
 * @param {ReturnType<typeof tokensOf>} tokens
 * @returns {{ kinds: string[], declared: Set<string>, fields: Set<string>, starts: Set<number> }} `kinds`: "name", "field"
 *   or "" by token; `starts`: the tokens that begin a declaration of the module
 */
function readNames(tokens) {
  const kinds = tokens.map(() => "");
  const declared = new Set();
  const fields = new Set();
  const starts = new Set();
  let depth = 0; // of brackets of any kind
  let structDepth = -1;
  let isParameters = false;
  let parameterDepth = 0;
  let isStart = true;
  const text = (i) => tokens[i]?.text ?? "";
  for (let i = 0; i < tokens.length; i++) {
    const token = text(i);
    if (depth === 0 && isStart) starts.add(i);
    isStart = false;
    if (DIRECTIVES.has(token) && depth === 0) {
      while (text(i) !== ";") i++;
      isStart = true;
      continue;
    }
    if (token === "@") {
      // An attribute's name; of a built-in value its argument too.
      i += 1;
      if (text(i) === "builtin" || text(i) === "diagnostic") while (text(i) !== ")") i++;
      continue;
    }
    if ("([{".includes(token)) depth++;
    if (")]}".includes(token)) {
      depth--;
      if (structDepth === depth) structDepth = -1;
      if (isParameters && depth < parameterDepth) isParameters = false;
      if (depth === 0 && token === "}") isStart = true;
    }
    if (token === ";" && depth === 0) isStart = true;
    if (!isWord(token)) continue;
    if (text(i - 1) === ".") {
      kinds[i] = "field";
      continue;
    }
    if (DECLARES.has(token)) {
      let at = i + 1;
      if (text(at) === "<") {
        let open = 0;
        do {
          if (text(at) === "<") open++;
          if (text(at) === ">") open--;
          at++;
        } while (open > 0);
        i = at - 1;
      }
      declared.add(text(at));
      if (token === "struct") structDepth = depth;
      if (token === "fn") {
        isParameters = true;
        parameterDepth = depth + 1;
      }
      continue;
    }
    if (text(i + 1) === ":" && structDepth >= 0 && depth === structDepth + 1) {
      // A name that is also a component of vectors stays, as the type decides what is meant.
      if (!SWIZZLE.test(token)) fields.add(token);
      kinds[i] = "field";
      continue;
    }
    if (text(i + 1) === ":" && isParameters && depth === parameterDepth) declared.add(token);
    kinds[i] = "name";
  }
  return { kinds, declared, fields, starts };
}

const LETTERS = "etnraoisclupdmhfgbvwykxzjqABCDEFGHIJKLMNOPQRSTUVWXYZ";

/** Short names in order: one letter, then two. */
function* shortNames() {
  yield* LETTERS;
  for (const a of LETTERS) for (const b of `${LETTERS}0123456789`) if (!RESERVED.has(a + b)) yield a + b;
}

/** Gives each name the first short one that none has that it ever meets; the most frequent choose first. */
function assign(counts, meets) {
  const names = new Map();
  const byFrequency = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  for (const [name] of byFrequency) {
    const taken = new Set();
    for (const other of meets.get(name)) taken.add(other).add(names.get(other));
    for (const short of shortNames()) {
      if (taken.has(short)) continue;
      names.set(name, short);
      break;
    }
  }
  return names;
}

/** Takes tokens away; what began behind them begins earlier. */
function remove({ tokens, kinds, starts }, at, count) {
  tokens.splice(at, count);
  kinds.splice(at, count);
  const moved = [...starts].map((start) => (start >= at + count ? start - count : start));
  starts.clear();
  for (const start of moved) starts.add(start);
}

/** `vec4<f32>` as `vec4f`; the tokens are changed in place. */
function shortenVectors({ tokens, kinds, starts }) {
  const isAlias = (i) => tokens[i + 1]?.text === "<" && tokens[i + 3]?.text === ">" && SUFFIX[tokens[i + 2].text];
  for (let i = 0; i < tokens.length; i++) {
    if (!VECTOR.test(tokens[i].text) || !isAlias(i)) continue;
    if (tokens[i].text.startsWith("mat") && !tokens[i + 2].text.startsWith("f")) continue;
    tokens[i] = { ...tokens[i], text: tokens[i].text + SUFFIX[tokens[i + 2].text] };
    kinds[i] = "";
    remove({ tokens, kinds, starts }, i + 1, 3);
  }
}

/** Leaves out `const_assert …;`, which says nothing once the tests have compiled every variant, and commas before brackets. */
function leaveOut({ tokens, kinds, starts }) {
  for (let i = tokens.length - 1; i >= 0; i--) {
    const { text } = tokens[i];
    let count = 0;
    if (text === "const_assert") {
      while (tokens[i + count].text !== ";") count++;
      count++;
    } else if (text === "," && ")}]".includes(tokens[i + 1].text)) count = 1;
    if (count === 0) continue;
    remove({ tokens, kinds, starts }, i, count);
  }
}

/** How often each name of a kind occurs, in letters, and the words it meets in any of some scopes. */
function meetings(files, kind, scopes) {
  const counts = new Map();
  for (const { tokens, kinds } of files) {
    tokens.forEach(({ text }, i) => {
      if (kinds[i] === kind) counts.set(text, (counts.get(text) ?? 0) + 1);
    });
  }
  const meets = new Map([...counts.keys()].map((name) => [name, new Set()]));
  for (const scope of scopes) {
    for (const name of scope) for (const other of scope) if (name !== other) meets.get(name)?.add(other);
  }
  return [counts, meets];
}

/** What a file declares for the whole module. */
function globalsOf({ tokens, starts }) {
  return [...starts].flatMap((start) => {
    let at = start;
    while (tokens[at] && !DECLARES.has(tokens[at].text)) at++;
    if (tokens[at + 1]?.text === "<") while (tokens[at].text !== ">") at++;
    return tokens[at + 1] ? [tokens[at + 1].text] : [];
  });
}

/**
 * Sets of words of which no two may become one: those in a function; and those declared by a module, which are those of
 * a file and of what is put behind it.
 */
function scopesOf(files, common) {
  return files.flatMap(({ tokens, starts, kept, globals, others }) => {
    const scopes = [new Set([...kept, ...globals, ...others.globals, ...common])];
    tokens.forEach(({ text }, i) => {
      if (starts.has(i)) scopes.push(new Set(kept));
      if (isWord(text) && tokens[i - 1]?.text !== ".") scopes[scopes.length - 1].add(text);
    });
    return scopes;
  });
}

/**
 * Tells each file what those declare that it makes shaders with: `others`. What has to stay in one of them stays in all,
 * however far apart they are.
 */
function joinTogether(files, together) {
  const byName = new Map(files.map((one) => [one.file, one]));
  for (const one of files) one.others = { globals: new Set(), fields: new Set() };
  for (const names of together) {
    const group = names.map((name) => byName.get(name));
    for (const { others } of group) {
      for (const { globals, fields } of group) {
        for (const name of globals) others.globals.add(name);
        for (const name of fields) others.fields.add(name);
      }
    }
    const kept = new Set(group.flatMap((one) => [...one.kept]));
    for (const one of files) if (group.some((other) => other.kept === one.kept)) one.kept = kept;
  }
  for (const one of files) one.kept = new Set(one.kept);
}

/** The fields of each struct of a file. */
function structsOf({ tokens, starts, kept }) {
  return [...starts]
    .filter((start) => tokens[start].text === "struct")
    .map((start) => {
      const found = new Set(kept);
      for (let i = start; tokens[i].text !== "}"; i++) if (tokens[i + 1].text === ":") found.add(tokens[i].text);
      return found;
    });
}

/**
 * Minified texts of shaders.
 *
 * @param {ReadonlyMap<string, string>} sources file -> WGSL
 * @param {(file: string) => ReadonlySet<string>} keptIn names that stay in a file: of declarations that a specialisation
 *   replaces, and in what it puts there
 * @param {Iterable<string>} [shared] files whose text is put behind that of others, so that no name may clash with theirs
 * @param {readonly (readonly string[])[]} [together] files that make one shader, which names may be declared in any of
 * @returns {{ texts: Map<string, string>, names: Map<string, string>, fields: Map<string, string> }} long -> short
 */
export function minifyShaders(sources, keptIn, shared = [], together = []) {
  const isShared = new Set(shared);
  const files = [...sources].map(([file, source]) => {
    const tokens = tokensOf(source);
    const one = { file, tokens, kept: new Set([...keptIn(file), "main"]), ...readNames(tokens) };
    leaveOut(one);
    shortenVectors(one);
    one.globals = globalsOf(one);
    return one;
  });
  joinTogether(files, together);
  // Shared files call one another's functions.
  const common = new Set(files.flatMap(({ file, globals }) => (isShared.has(file) ? globals : [])));
  for (const { file, tokens, kinds, declared, fields, kept, others } of files) {
    tokens.forEach(({ text }, i) => {
      const isOwn =
        kinds[i] === "field"
          ? fields.has(text) || others.fields.has(text)
          : declared.has(text) || others.globals.has(text);
      if (kept.has(text) || !(isOwn || (isShared.has(file) && kinds[i] === "name" && common.has(text)))) kinds[i] = "";
    });
  }
  const names = assign(...meetings(files, "name", scopesOf(files, common)));
  const fields = assign(...meetings(files, "field", files.flatMap(structsOf)));
  const texts = new Map();
  for (const { file, tokens, kinds, starts } of files) {
    const short = { name: names, field: fields };
    const renamed = tokens.map((token, i) => {
      const text = kinds[i] === "" ? token.text : short[kinds[i]].get(token.text);
      return { ...token, text: isNumber(text) ? shortNumber(text) : text };
    });
    texts.set(file, joinTokens(renamed, starts));
  }
  return { texts, names, fields };
}
