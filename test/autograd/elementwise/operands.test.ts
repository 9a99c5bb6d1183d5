import { describe, expect, it } from "vitest";
import {
  abs,
  add,
  backward,
  cast,
  clamp,
  div,
  equal,
  exp,
  floor,
  gelu,
  greaterEqual,
  less,
  logicalAnd,
  logicalXor,
  maskedFill,
  maximum,
  minimum,
  mul,
  neg,
  pow,
  relu,
  sqrt,
  square,
  sub,
  where,
} from "../../../src/autograd/index.ts";
import { type DType, type Tensor, tensor, tidy } from "../../../src/tensor/index.ts";
import { useGpu } from "../../support/gpu.ts";

const gpu = useGpu();

const integers = (values: readonly number[], dtype: DType = "i32"): Tensor =>
  tensor(values, [values.length], { dtype });

/** Values and type of what is computed from fresh tensors; nothing may be left over, and nothing but one dispatch run. */
async function valuesOf(compute: () => Tensor, dispatches = 1): Promise<[DType, number[]]> {
  const before = gpu().statistics;
  const y = tidy(compute);
  expect(gpu().statistics.dispatches - before.dispatches, "dispatches").toBe(dispatches);
  const values = [...(await y.data())];
  y.dispose();
  expect(gpu().statistics.liveBuffers).toBe(before.liveBuffers);
  return [y.dtype, values];
}

describe("numbers as operands", () => {
  it("give what a tensor of one element gives, in one dispatch", async () => {
    const values = [7, -7, 0.1, 1e-3, 3, -1, 0];
    const ops = { add, sub, mul, div, pow, maximum, minimum, equal, less, greaterEqual, logicalAnd, logicalXor };
    for (const [name, op] of Object.entries(ops)) {
      for (const number of [3, -0.7, 0]) {
        const [x, scalar] = [() => tensor(values), () => tensor(number)];
        expect(await valuesOf(() => op(x(), number)), name).toEqual(await valuesOf(() => op(x(), scalar())));
        expect(await valuesOf(() => op(number, x())), name).toEqual(await valuesOf(() => op(scalar(), x())));
      }
    }
    // Not times a rounded third.
    expect((await valuesOf(() => div(tensor([7, 10]), 3)))[1]).toEqual([Math.fround(7 / 3), Math.fround(10 / 3)]);
  });

  it("keep integers integers", async () => {
    const i32 = () => integers([-7, -1, 0, 2, 2 ** 31 - 1]);
    expect(await valuesOf(() => add(i32(), 3))).toEqual(["i32", [-4, 2, 3, 5, -(2 ** 31) + 2]]);
    expect(await valuesOf(() => sub(3, i32()))).toEqual(["i32", [10, 4, 3, 1, -(2 ** 31) + 4]]);
    expect(await valuesOf(() => mul(i32(), -2))).toEqual(["i32", [14, 2, 0, -4, 2]]);
    expect(await valuesOf(() => div(i32(), 2))).toEqual(["i32", [-3, 0, 0, 1, 2 ** 30 - 1]]);
    expect(await valuesOf(() => pow(i32(), 3))).toEqual(["i32", [-343, -1, 0, 8, 2 ** 31 - 1]]);
    expect(await valuesOf(() => pow(2, integers([-1, 0, 5, 31])))).toEqual(["i32", [0, 1, 32, -(2 ** 31)]]);
    expect(await valuesOf(() => maximum(i32(), 0))).toEqual(["i32", [0, 0, 0, 2, 2 ** 31 - 1]]);
    expect(await valuesOf(() => clamp(i32(), null, 1))).toEqual(["i32", [-7, -1, 0, 1, 1]]);
    expect(await valuesOf(() => clamp(i32(), 16_777_217))).toEqual([
      "i32",
      [16_777_217, 16_777_217, 16_777_217, 16_777_217, 2 ** 31 - 1],
    ]);
    expect(await valuesOf(() => equal(i32(), 2))).toEqual(["bool", [0, 0, 0, 1, 0]]);
    const u32 = () => integers([0, 5, 2 ** 32 - 1], "u32");
    expect(await valuesOf(() => add(u32(), 2 ** 32 - 1))).toEqual(["u32", [2 ** 32 - 1, 4, 2 ** 32 - 2]]);
    expect(await valuesOf(() => less(u32(), 2 ** 31))).toEqual(["bool", [1, 1, 0]]);
    expect(await valuesOf(() => pow(u32(), 2))).toEqual(["u32", [0, 25, 1]]);
  });

  it("must fit the type of the tensor", () => {
    tidy(() => {
      const [i32, u32, bool] = (["i32", "u32", "bool"] as const).map((dtype) => integers([1, 0], dtype));
      expect(() => add(i32, 0.5)).toThrow("add: 0.5 is no value of type i32; cast the tensor to f32 first");
      expect(() => sub(u32, -1)).toThrow("sub: -1 is no value of type u32");
      expect(() => less(2 ** 31, i32)).toThrow("less: 2147483648 is no value of type i32");
      expect(() => equal(bool, 2)).toThrow("equal: 2 is no value of type bool");
      expect(() => where(bool, i32, Number.NaN)).toThrow("where: NaN is no value of type i32");
      expect(() => clamp(i32, 0.5)).toThrow("clamp: 0.5 is no value of type i32");
      expect(() => clamp(tensor([1]), Number.NaN)).toThrow("clamp: a bound is NaN");
      expect(() => add(1, 2)).toThrow("add: at least one operand must be a tensor");
    });
  });
});

describe("types", () => {
  it("of integers pass through ops that mean something for them", async () => {
    expect(await valuesOf(() => abs(integers([-3, 4])))).toEqual(["i32", [3, 4]]);
    expect(await valuesOf(() => neg(integers([-3, 4])))).toEqual(["i32", [3, -4]]);
    expect(await valuesOf(() => neg(integers([1], "u32")))).toEqual(["u32", [2 ** 32 - 1]]);
    expect(await valuesOf(() => square(integers([-3, 65_536])))).toEqual(["i32", [9, 0]]);
    expect(await valuesOf(() => relu(integers([-3, 4])))).toEqual(["i32", [0, 4]]);
    expect(await valuesOf(() => floor(integers([-3, 4])))).toEqual(["i32", [-3, 4]]);
  });

  it("of bool add up to or, and multiply to and", async () => {
    const [a, b] = [() => integers([0, 0, 1, 1], "bool"), () => integers([0, 1, 0, 1], "bool")];
    for (const op of [add, maximum]) expect(await valuesOf(() => op(a(), b()))).toEqual(["bool", [0, 1, 1, 1]]);
    for (const op of [mul, minimum]) expect(await valuesOf(() => op(a(), b()))).toEqual(["bool", [0, 0, 0, 1]]);
    expect(await valuesOf(() => less(a(), b()))).toEqual(["bool", [0, 1, 0, 0]]);
    expect(await valuesOf(() => equal(a(), 1))).toEqual(["bool", [0, 0, 1, 1]]);
  });

  it("may differ in logic, where they are made bool", async () => {
    const mixed = () => logicalAnd(tensor([0.5, 0, Number.NaN]), integers([2, 1, 0]));
    expect(await valuesOf(mixed, 3)).toEqual(["bool", [1, 0, 0]]);
  });

  it("are refused by name where an op has no meaning for them", () => {
    tidy(() => {
      const [i32, bool] = (["i32", "bool"] as const).map((dtype) => integers([1, 0], dtype));
      const before = gpu().statistics.dispatches;
      expect(() => exp(i32)).toThrow("exp: expected one of f32, f16, got i32[2]; use cast");
      expect(() => sqrt(bool)).toThrow("sqrt: expected one of f32, f16, got bool[2]; use cast");
      expect(() => gelu(i32)).toThrow("gelu: expected one of f32, f16, got i32[2]; use cast");
      expect(() => sub(bool, bool)).toThrow("sub: expected one of f32, f16, i32, u32, got bool[2]; use cast");
      expect(() => neg(bool)).toThrow("neg: bool has no negative; use logicalNot");
      expect(() => add(i32, tensor([1, 2]))).toThrow("add: types i32[2] and f32[2] differ; cast one");
      expect(() => where(i32, 1, 2)).toThrow("where: expected a bool condition, got i32[2]");
      expect(() => where(bool, i32, tensor([1, 2]))).toThrow("where: types i32 and f32[2] differ; cast one");
      expect(() => add(tensor([1, 2]), tensor([1, 2, 3]))).toThrow(/^add: .*\[2\].*\[3\]/);
      expect(() => maskedFill(tensor([1, 2]), integers([1, 0, 1], "bool"), 0)).toThrow(/^maskedFill: .*\[2\].*\[3\]/);
      expect(() => maskedFill(tensor([1, 2]), i32, 0)).toThrow("maskedFill: expected a bool mask, got i32[2]");
      expect(() => gelu(tensor([1]), { approximate: "erf" as "none" })).toThrow(
        'gelu: approximate is "none" or "tanh"',
      );
      expect(gpu().statistics.dispatches).toBe(before);
    });
  });

  it("of integers carry no gradient, and floats beside them do", async () => {
    const x = tensor([1.5, -2]);
    x.requiresGrad = true;
    const y = tidy(() => mul(cast(integers([3, 4]), "f32"), x));
    const gradients = backward(y, { gradient: tensor([1, 1]) });
    expect([...(await gradients.get(x)!.data())]).toEqual([3, 4]);
    for (const t of [x, y, gradients]) t.dispose();
  });
});
