import { describe, expect, it } from "vitest";
import { backward, conv1d, conv2d, convTranspose2d, ops, sum } from "../../src/autograd/index.ts";
import { type Tensor, tensor, tidy } from "../../src/tensor/index.ts";
import { useGpu } from "../support/gpu.ts";

const count = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
/** Small integers: sums of their products are exact. */
const integers = (shape: number[], factor = 7): Tensor =>
  tensor(
    Float32Array.from({ length: count(shape) }, (_, i) => ((i * factor) % 11) - 5),
    shape,
  );

const shapeOf = (work: () => Tensor): readonly number[] => tidy(() => work().shape);

describe("convolutions", () => {
  const gpu = useGpu();

  it("of one dimension are those of images with one row", async () => {
    const [x, weight, bias] = [integers([2, 4, 13]), integers([6, 2, 3]), integers([6])];
    const options = { stride: 2, padding: [2, 1], dilation: 3, groups: 2 } as const;
    const [y, z] = tidy(() => [
      conv1d(x, weight, bias, options),
      ops.conv2d([x.view([2, 4, 1, 13], [52, 13, 13, 1]), weight.view([6, 2, 1, 3], [6, 3, 3, 1]), bias], {
        stride: [1, 2],
        padding: [
          [0, 0],
          [2, 1],
        ],
        dilation: [1, 3],
        groups: 2,
      }),
    ]);
    expect(y.shape).toEqual([2, 6, 5]);
    expect(await y.data()).toEqual(await z.data());
    for (const t of [x, weight, bias, y, z]) t.dispose();
    expect(gpu().statistics.liveBuffers).toBe(0);
  });

  it("pad to the same size with the odd zero behind, or not at all", async () => {
    tidy(() => {
      const [x, weight] = [integers([1, 2, 7, 10]), integers([3, 2, 4, 3])];
      expect(conv2d(x, weight, undefined, { padding: "same" }).shape).toEqual([1, 3, 7, 10]);
      expect(conv2d(x, weight, undefined, { padding: "same", stride: [2, 3] }).shape).toEqual([1, 3, 4, 4]);
      expect(conv2d(x, weight, undefined, { padding: "valid", dilation: 2 }).shape).toEqual([1, 3, 1, 6]);
    });
    const [x, weight] = [tensor([1, 2, 3], [1, 1, 3]), tensor([1, 10], [1, 1, 2])];
    const y = tidy(() => conv1d(x, weight, undefined, { padding: "same" }));
    expect([...(await y.data())]).toEqual([21, 32, 3]);
    for (const t of [x, weight, y]) t.dispose();
  });

  it("transposed give the pixels back that a strided convolution drops", async () => {
    const weight = integers([3, 2, 3, 3]);
    tidy(() => {
      for (const size of [7, 8]) {
        const x = integers([2, 2, size, size]);
        const y = conv2d(x, weight, undefined, { stride: 2, padding: 1 });
        const options = { stride: 2, padding: 1, outputPadding: size % 2 === 0 ? 1 : 0 };
        expect(convTranspose2d(y, weight, undefined, options).shape).toEqual(x.shape);
      }
    });
    // ⟨conv(x), g⟩ = ⟨x, convTranspose(g)⟩
    const [x, g] = [integers([2, 2, 8, 7]), integers([2, 3, 4, 4], 5)];
    const [y, z] = tidy(() => [
      conv2d(x, weight, undefined, { stride: 2, padding: 1 }),
      convTranspose2d(g, weight, undefined, { stride: 2, padding: 1, outputPadding: [1, 0] }),
    ]);
    const dot = async (a: Tensor, b: Tensor): Promise<number> => {
      const [left, right] = await Promise.all([a.data(), b.data()]);
      return [...left].reduce((total, value, i) => total + value * right[i], 0);
    };
    expect(await dot(y, g)).toBe(await dot(x, z));
    for (const t of [x, g, y, z, weight]) t.dispose();
    expect(gpu().statistics.liveBuffers).toBe(0);
  });

  it("take empty batches and channels", async () => {
    const [x, weight, bias] = [integers([2, 0, 3, 3]), integers([4, 0, 2, 2]), integers([4])];
    for (const leaf of [x, weight, bias]) leaf.requiresGrad = true;
    const [y, grads] = tidy(() => {
      const output = conv2d(x, weight, bias);
      return [output, backward(sum(output))] as const;
    });
    const perImage = [...(await bias.data())].flatMap((b) => [b, b, b, b]);
    expect([...(await y.data())]).toEqual([...perImage, ...perImage]);
    expect([grads.get(x)!.shape, grads.get(weight)!.shape]).toEqual([x.shape, weight.shape]);
    expect([...(await grads.get(bias)!.data())]).toEqual([8, 8, 8, 8]);
    for (const t of [x, weight, bias, y, grads]) t.dispose();

    const [none, filter] = [integers([0, 2, 3, 3]), integers([1, 2, 3, 3])];
    for (const leaf of [none, filter]) leaf.requiresGrad = true;
    const gradients = tidy(() => backward(sum(conv2d(none, filter))));
    expect(gradients.get(none)!.shape).toEqual([0, 2, 3, 3]);
    expect(new Set(await gradients.get(filter)!.data())).toEqual(new Set([0]));
    for (const t of [none, filter, gradients]) t.dispose();
    expect(gpu().statistics.liveBuffers).toBe(0);
  });

  it("give the same bits every time", async () => {
    const [x, weight] = [integers([3, 5, 31, 17], 1.7), integers([6, 5, 3, 3], 0.3)];
    for (const leaf of [x, weight]) leaf.requiresGrad = true;
    const seen = new Set<string>();
    for (let run = 0; run < 10; run++) {
      const grads = tidy(() => backward(sum(conv2d(x, weight, undefined, { stride: 2, padding: 1 }))));
      const values = await Promise.all([x, weight].map((leaf) => grads.get(leaf)!.data()));
      seen.add(JSON.stringify(values.map((v) => [...v])));
      grads.dispose();
    }
    expect(seen.size).toBe(1);
    for (const t of [x, weight]) t.dispose();
  });

  it("name what does not fit", () => {
    tidy(() => {
      const [x, weight] = [integers([2, 4, 5, 6]), integers([6, 4, 3, 3])];
      const cases: [() => Tensor, RegExp][] = [
        [() => conv2d(integers([4, 5, 6]), weight), /^conv2d: expected an input \[N, C, H, W\].*got \[4, 5, 6\]/],
        [
          () => conv2d(x, integers([6, 3, 3, 3])),
          /^conv2d: input \[2, 4, 5, 6\] in 1 groups needs a weight \[O, 4, KH, KW\], got \[6, 3, 3, 3\]/,
        ],
        [
          () => conv2d(x, weight, integers([4])),
          /^conv2d: weight \[6, 4, 3, 3\] needs a bias of shape \[6\], got \[4\]/,
        ],
        [
          () => conv2d(x, weight, undefined, { groups: 3 }),
          /^conv2d: 3 groups do not divide the 4 input channels of \[2, 4, 5, 6\]/,
        ],
        [
          () => conv2d(x, weight, undefined, { groups: 0 }),
          /^conv2d: expected groups to be an integer of at least 1, got 0/,
        ],
        [
          () => conv2d(x, weight, undefined, { dilation: 3 }),
          /^conv2d: kernel 3×3 with dilation 3×3 spans 7 rows, more than the 5 of input \[2, 4, 5, 6\]/,
        ],
        [
          () => conv2d(x, weight, undefined, { stride: 0.5 }),
          /^conv2d: expected stride to be an integer of at least 1, got 0.5/,
        ],
        [
          () => conv2d(x, weight, undefined, { padding: -1 }),
          /^conv2d: expected padding to be an integer of at least 0, got -1/,
        ],
        [() => conv1d(x, weight), /^conv1d: expected an input \[N, C, L\]/],
        [
          () => conv1d(integers([1, 2, 3]), integers([1, 2, 4])),
          /^conv1d: kernel 1×4 .* spans 4 columns, more than the 3/,
        ],
        [
          () => convTranspose2d(x, weight),
          /^convTranspose2d: input \[2, 4, 5, 6\] in 1 groups needs a weight \[4, O \/ groups, KH, KW\]/,
        ],
        [
          () => convTranspose2d(x, integers([4, 2, 3, 3]), integers([4])),
          /^convTranspose2d: .*needs a bias of shape \[2\], got \[4\]/,
        ],
        [
          () => convTranspose2d(x, integers([4, 2, 3, 3]), undefined, { outputPadding: 1 }),
          /^convTranspose2d: outputPadding 1 must be less than the stride 1/,
        ],
        [
          () => convTranspose2d(x, integers([4, 2, 1, 1]), undefined, { padding: 3 }),
          /^convTranspose2d: .*leaves no output/,
        ],
      ];
      for (const [work, message] of cases) expect(() => shapeOf(work)).toThrow(message);
    });
    expect(gpu().statistics.liveBuffers).toBe(0);
  });
});
