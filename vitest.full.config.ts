import { mergeConfig } from "vitest/config";
import { CONFIGURATIONS } from "./test/support/configurations.ts";
import base, { LARGE, projectOf } from "./vitest.config.ts";

const OPS = [
  "test/autograd/ops/*.test.ts",
  "test/autograd/oracle-ops.test.ts",
  "test/vectors/*.test.ts",
  "test/tensor/random.test.ts",
];

/** What `npm test` leaves out: every test of ops on every device, with all samples enlarged. */
const { test, ...rest } = base;
export default mergeConfig(rest, {
  test: {
    ...test,
    projects: [
      projectOf(
        { name: "adapter", device: {} },
        {
          include: [
            LARGE,
            "test/autograd/ops/limits.test.ts",
            "test/build/{minify-wgsl,naga}.test.ts",
            "test/kernels/matmul/subgroup-matrix.test.ts",
          ],
          thorough: true,
        },
      ),
      ...CONFIGURATIONS.map((configuration) => projectOf(configuration, { include: OPS, thorough: true })),
    ],
  },
});
