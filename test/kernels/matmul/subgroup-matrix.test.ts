import { describe, expect, inject, it } from "vitest";
import { Gpu, type KernelVariant, SUBGROUP_MATRIX_FEATURE } from "../../../src/gpu/index.ts";
import { matmulInto } from "../../../src/kernels/matmul/matmul.ts";
import { VARIANT_TABLE } from "../../../src/kernels/variants/table.ts";
import { sliceView, type Tensor, tensor, tidy, transposeView } from "../../../src/tensor/index.ts";
import { openWith, useGpu } from "../../support/gpu.ts";
import { seeded } from "../../support/values.ts";

/** Plain WGSL in place of the matrix units, so that all but these runs anywhere: a lane has two elements of a matrix. */
const emulated = (variant: KernelVariant): KernelVariant => {
  const replace = (code: string, from: RegExp | string, to: string): string => {
    expect(code).toMatch(from);
    return code.replaceAll(from, to);
  };
  let { code } = variant;
  code = replace(code, /^enable chromium_experimental_subgroup_matrix;$/gm, "");
  code = replace(code, /^alias Left = subgroup_matrix_left<.*$/gm, "struct Left { at: u32, stride: u32, }");
  code = replace(code, /^alias Right = subgroup_matrix_right<.*$/gm, "struct Right { at: u32, stride: u32, }");
  code = replace(code, /subgroup_matrix_result<f32, MATRIX_N, MATRIX_M>/g, "vec2f");
  code = replace(code, /subgroupMatrixLoad<(Left|Right), row_major>\(&[ab]Tile, /g, "$1(");
  code = replace(code, /subgroupMatrixStore<row_major>\(&cTile, /g, "store(");
  code = replace(code, "subgroupMatrixMultiplyAccumulate", "multiplyAccumulate");
  code = replace(code, /(fn main\([^{]*\{)/g, "$1 lane = thread; width = LANES + params.K / 0x40000000;");
  code = replace(code, "i += LANES", "i += width"); // not known ahead: loops stay loops, and compile faster
  code += `
var<private> lane: u32;
var<private> width: u32;
fn multiplyAccumulate(x: Left, y: Right, sums: Result) -> Result {
  var result = sums;
  let depth = MATRIX_K + width - LANES;
  for (var k = 0u; k < depth; k++) {
    for (var i = 0u; i < 2; i++) {
      let place = 2 * lane + i;
      let m = place / MATRIX_N;
      let n = place % MATRIX_N;
      result[i] += f32(aTile[x.at + m * x.stride + k]) * f32(bTile[y.at + k * y.stride + n]);
    }
  }
  return result;
}
fn store(at: u32, value: Result, stride: u32) {
  for (var i = 0u; i < 2; i++) {
    let place = 2 * lane + i;
    cTile[at + place / MATRIX_N * stride + place % MATRIX_N] = value[i];
  }
}`;
  return { ...variant, key: `${variant.key}|emulated`, code };
};

const config = (componentType: string, M: number, N: number, K: number) => ({
  ...{ componentType, resultComponentType: "f32", M, N, K },
});

/** A handle that says it has matrix units, and what it was asked to run. */
class Pretending extends Gpu {
  static configs = [config("f32", 8, 4, 12), config("f16", 4, 8, 16), config("u8", 32, 32, 32)];
  readonly names: string[] = [];
  override dispatch(...[variant, ...rest]: Parameters<Gpu["dispatch"]>): void {
    this.names.push(variant.kernel.name);
    super.dispatch(variant.kernel.definition.feature ? emulated(variant) : variant, ...rest);
  }
}

const pretend = (device: GPUDevice): Pretending => {
  const info = { description: "pretending", subgroupMaxSize: 16, subgroupMatrixConfigs: Pretending.configs };
  const gpu = new Pretending(device, info as unknown as GPUAdapterInfo);
  (gpu.features as Set<string>).add(SUBGROUP_MATRIX_FEATURE);
  return gpu;
};

interface Product {
  m: number;
  n: number;
  k: number;
  /** Which operands are transposed. */
  left?: boolean;
  right?: boolean;
  /** Whether operands start off the alignment of vectors. */
  isOff?: boolean;
  dtype?: "f32" | "f16";
  bias?: boolean;
  accumulate?: boolean;
  residual?: boolean;
  activation?: "relu";
}

describe("products by matrix units", () => {
  const gpu = useGpu({}, pretend);
  const names = () => (gpu() as Pretending).names;

  // A pipeline takes seconds to compile on lavapipe, where many are not for every day.
  const everyDay: Product[] = [
    { m: 33, n: 17, k: 25, left: true, right: true, bias: true, accumulate: true, residual: true, activation: "relu" },
    { m: 20, n: 24, k: 44, dtype: "f16" },
  ];
  const thorough: Product[] = [
    { m: 1, n: 1, k: 1 },
    { m: 16, n: 8, k: 24 },
    { m: 17, n: 9, k: 25 },
    { m: 5, n: 40, k: 64, bias: true, activation: "relu" },
    { m: 33, n: 20, k: 7, left: true, accumulate: true },
    { m: 12, n: 35, k: 30, right: true, residual: true },
    { m: 36, n: 28, k: 20, left: true, right: true },
    { m: 20, n: 24, k: 44, isOff: true },
    { m: 36, n: 28, k: 20, dtype: "f16", left: true, right: true },
  ];

  it.each([...everyDay, ...(inject("thorough") ? thorough : [])])(
    "agree with double precision: $m × $k · $k × $n, case %#",
    async (product) => {
      const { m, n, k, left = false, right = false, isOff = false, dtype = "f32" } = product;
      if (dtype === "f16" && !gpu().features.has("shader-f16")) return;
      const random = seeded(m * 1000 + n);
      // Multiples of 1/16 below 2: sums are exact in single precision, and the order of summation does not show.
      const values = (count: number) => Float32Array.from({ length: count }, () => Math.round(random() * 64 - 32) / 16);
      const owned: Tensor[] = [];
      const make = (data: Float32Array, rows: number, columns: number, isTransposed: boolean): Tensor => {
        const at = (i: number) => (isTransposed ? (i % rows) * columns + Math.floor(i / rows) : i);
        const stored = Float32Array.from(data, (_, i) => data[at(i)]);
        const skipped = isOff ? 1 : 0;
        const shape = isTransposed ? [columns, rows] : [rows, columns];
        const padded = Float32Array.from({ length: stored.length + skipped }, (_, i) => stored[i - skipped] ?? 0);
        const whole = tensor(padded, [padded.length], { dtype, gpu: gpu() });
        owned.push(whole);
        const view = sliceView(whole, 0, skipped, padded.length).view(shape, [shape[1], 1]);
        return isTransposed ? transposeView(view) : view;
      };
      const [a, b, c, bias, residual] = [values(m * k), values(k * n), values(m * n), values(n), values(m * n)];
      gpu().variants = { matmul: "subgroup-matrix" };
      names().length = 0;
      const result = tensor(c, [m, n], { gpu: gpu() });
      tidy(() =>
        matmulInto("matmul", make(a, m, k, left), make(b, k, n, right), result, {
          scale: 0.5,
          bias: product.bias ? tensor(bias, [n], { gpu: gpu() }) : undefined,
          accumulate: product.accumulate,
          activation: product.activation,
          residual: product.residual ? tensor(residual, [m, n], { gpu: gpu() }) : undefined,
        }),
      );
      const expected = Array.from(c, (before, i) => {
        let sum = 0;
        for (let j = 0; j < k; j++) sum += a[Math.floor(i / n) * k + j] * b[j * n + (i % n)];
        let value = 0.5 * sum + (product.bias ? bias[i % n] : 0) + (product.accumulate ? before : 0);
        if (product.activation) value = Math.max(value, 0);
        return value + (product.residual ? residual[i] : 0);
      });
      expect([...(await result.data())]).toEqual(expected);
      expect(names()).toContain("matmul-subgroup-matrix");
      result.dispose();
    },
  );
});

describe("an adapter without matrix units", () => {
  it("says what the candidate needs, which no class of adapter prefers", async () => {
    const plain = await openWith({});
    expect(() => {
      plain.variants = { matmul: "subgroup-matrix" };
    }).toThrow(/matmul subgroup-matrix needs Gpu.open\(\{ subgroupMatrices: true \}\) and an adapter with .* lacks$/);
    plain.close();
    expect(Object.values(VARIANT_TABLE).flatMap(({ matmul }) => matmul)).not.toContain("subgroup-matrix");
  });
});
