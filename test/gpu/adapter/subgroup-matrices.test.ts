import { expect, it } from "vitest";
import { findNodeAdapter } from "../../../src/gpu/adapter/node-adapter.ts";
import { openDevice } from "../../../src/gpu/adapter/open.ts";
import { Gpu, isAvailable, SUBGROUP_MATRIX_FEATURE } from "../../../src/gpu/index.ts";
import { matmulFamily } from "../../../src/kernels/matmul/variants.ts";
import { useGpu } from "../../support/gpu.ts";

const candidate = matmulFamily.candidate("subgroup-matrix");
const gpu = useGpu();

it("an adapter without matrix units is refused by name when they are asked for", async () => {
  const software = gpu().adapter.class === "swiftshader";
  const { adapter } = await findNodeAdapter({ software, subgroupMatrices: true });
  if (adapter.features.has(SUBGROUP_MATRIX_FEATURE as GPUFeatureName)) return;
  await expect(Gpu.open({ software, subgroupMatrices: true })).rejects.toThrow(
    /^Gpu.open: subgroupMatrices: .*\S lacks the feature chromium-experimental-subgroup-matrix; open it without/,
  );
  const { device, info } = await openDevice({ backend: "null", subgroupMatrices: true });
  const nothing = new Gpu(device, info);
  expect(isAvailable(candidate, nothing)).toBe(false);
  await expect(Gpu.open({ device, subgroupMatrices: true })).rejects.toThrow(
    /has no configuration of matrices that sums products of f32 or f16 in f32/,
  );
  nothing.close();
});
