import { type SubgroupMatrixConfig, usableConfigs } from "./subgroup-matrices.ts";

/** What class of adapter runs: decides which kernel variants are used. */
export type AdapterClass =
  | "lavapipe"
  | "swiftshader"
  | "nvidia"
  | "amd"
  | "intel"
  | "apple"
  | "qualcomm"
  | "null"
  /** A processor whose driver the browser does not name. */
  | "software"
  | "unknown";

export interface AdapterDescription {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
  readonly class: AdapterClass;
  /** Whether the "GPU" is this machine's processor. */
  readonly isSoftware: boolean;
  /** Smallest and largest subgroup a kernel may see; 0 when unknown. */
  readonly subgroupMinSize: number;
  readonly subgroupMaxSize: number;
  /** What its matrix units can do that kernels are written for; empty unless they are asked for. */
  readonly subgroupMatrixConfigs: readonly SubgroupMatrixConfig[];
  /** One line for people. */
  readonly name: string;
}

const CLASS_PATTERNS: readonly [AdapterClass, RegExp][] = [
  ["lavapipe", /llvmpipe|lavapipe/i],
  ["swiftshader", /swiftshader/i],
  ["nvidia", /nvidia/i],
  ["amd", /\bamd\b|radeon/i],
  ["intel", /intel/i],
  ["apple", /apple|metal/i],
  ["qualcomm", /qualcomm|adreno/i],
  ["null", /null/i],
];

const SOFTWARE_CLASSES: readonly AdapterClass[] = ["lavapipe", "swiftshader", "null", "software"];

export function describeAdapter(info: GPUAdapterInfo): AdapterDescription {
  const { vendor = "", architecture = "", device = "", description = "" } = info;
  const all = [vendor, architecture, device, description].join(" ");
  const named = CLASS_PATTERNS.find(([, pattern]) => pattern.test(all))?.[0];
  const adapterClass = named ?? (info.isFallbackAdapter ? "software" : "unknown");
  const isSoftware = SOFTWARE_CLASSES.includes(adapterClass);
  const label =
    description ||
    device ||
    [vendor, architecture].filter(Boolean).join(" ") ||
    (isSoftware ? "software adapter" : "unnamed adapter");
  const names: Partial<Record<AdapterClass, string>> = {
    lavapipe: `lavapipe (software, ${label})`,
    swiftshader: `SwiftShader (software, ${label})`,
  };
  return {
    vendor,
    architecture,
    device,
    description,
    class: adapterClass,
    isSoftware,
    subgroupMinSize: info.subgroupMinSize ?? 0,
    subgroupMaxSize: info.subgroupMaxSize ?? 0,
    subgroupMatrixConfigs: usableConfigs(info),
    name: names[adapterClass] ?? label,
  };
}
