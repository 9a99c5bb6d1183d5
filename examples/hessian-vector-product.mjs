// Second derivatives: the product of a Hessian with a vector, without ever holding the Hessian. Run it with `node examples/hessian-vector-product.mjs`.
import { add, Gpu, grad, mul, square, sub, sum, tensor, tidy } from "graft-gpu";

const gpu = await Gpu.open();
console.log(`Adapter: ${gpu.adapter.name}`);

// Rosenbrock's function, Σ 100 (x[i+1] − x[i]²)² + (1 − x[i])².
const shift = tensor([
  [0, 1, 0],
  [0, 0, 1],
]);
const keep = tensor([
  [1, 0, 0],
  [0, 1, 0],
]);
const rosenbrock = (x) => {
  const [next, own] = [shift, keep].map((select) => sum(mul(select, x), 1));
  return sum(add(mul(square(sub(next, square(own))), 100), square(sub(1, own))));
};

/** H v = d/dx (∇f(x) · v): the gradient is recorded (`createGraph`) and differentiated again. */
const hessianVectorProduct = (f, x, v) =>
  tidy(() => grad((y) => sum(mul(grad(f, [y], { createGraph: true })[0], v)), [x])[0]);

const x = tensor([-1.2, 1, 0.5]);
const v = tensor([1, 0, -1]);
const product = hessianVectorProduct(rosenbrock, x, v);
console.log(`H v = ${await product.print()}`); // [1330, 880, -200]

gpu.close();
