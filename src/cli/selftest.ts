import { matmul } from "../autograd/index.ts";
import type { Gpu } from "../gpu/index.ts";
import { tensor } from "../tensor/index.ts";

/**
 * Multiplies two matrices of small whole numbers on the adapter. All products and sums are exact in f32, so that a
 * single wrong bit shows.
 */
export async function multiplyOnce(gpu: Gpu): Promise<{ ok: boolean; detail: string }> {
  const n = 64;
  const values = (seed: number) => Array.from({ length: n * n }, (_, i) => ((i * seed) % 17) - 8);
  const [a, b] = [values(7), values(5)];
  using left = tensor(a, [n, n], { gpu });
  using right = tensor(b, [n, n], { gpu });
  using product = matmul(left, right);
  const result = await product.data();
  let wrong = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      let sum = 0;
      for (let k = 0; k < n; k++) sum += a[i * n + k] * b[k * n + j];
      if (result[i * n + j] !== sum) wrong++;
    }
  }
  const what = `a product of two ${n} × ${n} matrices`;
  return { ok: wrong === 0, detail: wrong === 0 ? what : `${what} has ${wrong} of ${n * n} numbers wrong` };
}
