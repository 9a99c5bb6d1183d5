import { describe, expect, it } from "vitest";
import { specialize } from "../../../src/gpu/kernel/specialize.ts";

const SHADER = `// T = f32
alias T = f32; // spec: f16
const ROWS: u32 = 4u;
const FLAG = false;
const ROWS_LOG2 = 2;
fn apply(v: vec4<f32>, k: u32) -> vec4<f32> { return v; }
fn main() {
  let ROWS = 3;
}`;

describe("specialize", () => {
  it("replaces the right-hand side of constants, aliases and one-line functions, and nothing else", () => {
    expect(specialize("s", SHADER, { T: "f16", ROWS: "8u", FLAG: true, apply: "return v * 2.0;" })).toBe(`// T = f32
alias T = f16; // spec: f16
const ROWS: u32 = 8u;
const FLAG = true;
const ROWS_LOG2 = 2;
fn apply(v: vec4<f32>, k: u32) -> vec4<f32> { return v * 2.0; }
fn main() {
  let ROWS = 3;
}`);
  });

  it("leaves a shader as it stands without a specialisation", () => {
    expect(specialize("s", SHADER, {})).toBe(SHADER);
  });

  it("switches extensions on ahead of everything", () => {
    expect(specialize("s", SHADER, { enable: "f16" })).toBe(`enable f16;\n${SHADER}`);
  });

  it("keeps replacement patterns of JavaScript as text", () => {
    expect(specialize("s", "const A = 1;", { A: "$1 + $&" })).toBe("const A = $1 + $&;");
  });

  it("throws unless exactly one declaration matches", () => {
    const message = (name: string, count: number) =>
      `shader s: "${name}" names ${count} one-line declarations, expected exactly one`;
    expect(() => specialize("s", SHADER, { COLUMNS: 1 })).toThrow(message("COLUMNS", 0));
    expect(() => specialize("s", SHADER, { ROW: 1 })).toThrow(message("ROW", 0));
    expect(() => specialize("s", SHADER, { "R.WS": 1 })).toThrow(message("R.WS", 0));
    // main spans lines: its body is not for replacing.
    expect(() => specialize("s", SHADER, { main: "" })).toThrow(message("main", 0));
    expect(() => specialize("s", `${SHADER}\nconst ROWS: u32 = 5u;`, { ROWS: 1 })).toThrow(message("ROWS", 2));
    expect(() => specialize("s", "fn f() { let a = 1; }\nalias f = u32;", { f: "" })).toThrow(message("f", 2));
  });
});
