import type { DeviceSetting } from "./gpu.ts";

/** A device that the ops are to work on, besides the adapter as it is. */
export interface Configuration {
  name: string;
  device: DeviceSetting;
  /** For the adapter's driver, which reads it when it starts. */
  environment?: Record<string, string>;
  /** Lanes of a subgroup that the environment asks of lavapipe. */
  subgroupSize?: number;
}

/** Lavapipe's subgroups are as wide as the vectors it compiles for. */
const subgroupsOf = (size: number): Configuration => ({
  name: `subgroups of ${size}`,
  device: {},
  environment: { LP_NATIVE_VECTOR_WIDTH: `${32 * size}` },
  subgroupSize: size,
});

export const CONFIGURATIONS: readonly Configuration[] = [
  subgroupsOf(4),
  subgroupsOf(8),
  subgroupsOf(16),
  { name: "no subgroups, no f16", device: { withoutFeatures: ["subgroups", "shader-f16"] } },
  { name: "WebGPU's default limits", device: { limits: "default" } },
  {
    name: "tiny limits",
    device: {
      smaller: {
        maxStorageBufferBindingSize: 2 ** 20,
        maxBufferSize: 4 * 2 ** 20,
        maxStorageBuffersPerShaderStage: 8,
        maxComputeInvocationsPerWorkgroup: 128,
      },
    },
  },
  { name: "SwiftShader", device: { software: true } },
];
