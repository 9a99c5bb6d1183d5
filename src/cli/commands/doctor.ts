import { release } from "node:os";
import { formatBytes, formatCount, formatDuration } from "../../finetune/format.ts";
import { type AdapterAttempt, AdapterNotFoundError, findNodeAdapter } from "../../gpu/adapter/node-adapter.ts";
import { Gpu, SUBGROUP_MATRIX_FEATURE, type VariantTable } from "../../gpu/index.ts";
import { downloadedModels } from "../../io/node/index.ts";
import { effectiveVariants } from "../../kernels/variants/variants.ts";
import { defineCommand } from "../arguments.ts";
import type { CommandContext } from "../context.ts";
import { multiplyOnce } from "../selftest.ts";
import { printable, table, wrap } from "../text.ts";
import { findTuned } from "../tuned.ts";
import { graftVersion, packageVersion } from "../version.ts";

const LIMITS = [
  { name: "maxBufferSize", unit: "bytes" },
  { name: "maxStorageBufferBindingSize", unit: "bytes" },
  { name: "maxStorageBuffersPerShaderStage", unit: "" },
  { name: "maxComputeWorkgroupStorageSize", unit: "bytes" },
  { name: "maxComputeInvocationsPerWorkgroup", unit: "" },
  { name: "maxComputeWorkgroupsPerDimension", unit: "" },
] as const;

const FEATURES = {
  "shader-f16": "half-precision storage",
  subgroups: "faster matrix kernels",
  "timestamp-query": "times of single kernels",
  [SUBGROUP_MATRIX_FEATURE]: "experimental: matrix units, by Gpu.open({ subgroupMatrices: true })",
} as const;

/** What `graft doctor --json` prints. */
export interface Diagnosis {
  ok: boolean;
  versions: {
    graft: string;
    node: string;
    webgpu: string | null;
    chromium: string | null;
    sharp: string | null;
    hub: string | null;
    platform: string;
  };
  attempts: readonly AdapterAttempt[];
  adapter: {
    name: string;
    class: string;
    software: boolean;
    source: string;
    vendor: string;
    architecture: string;
    device: string;
    description: string;
    subgroupMinSize: number;
    subgroupMaxSize: number;
  } | null;
  limits: Record<string, number>;
  features: Record<string, boolean>;
  /** The candidate that each kernel family uses here, and what `graft tune` found better; null when it was not run. */
  variants: VariantTable;
  tuned: VariantTable | null;
  computation: { ok: boolean; detail: string; seconds: number } | null;
  /** The folder of models that came over the network, and the bytes that they take. */
  downloads: { path: string; bytes: number };
  /** Why it does not work, when it does not. */
  error: string | null;
  /** What would make it work, or work faster. */
  remedies: readonly string[];
}

export const doctor = defineCommand({
  name: "doctor",
  description:
    "Looks for a WebGPU adapter as every command does, tells what it finds and runs one small computation on it. " +
    "Where something is missing it says what to do. The exit code is 0 when graft can work here, else 1.",
  options: {
    software: { type: "boolean", description: "look at SwiftShader, the software adapter from npm, even with a GPU" },
    json: { type: "boolean", description: "print one JSON object" },
  },
  positionals: {},
  async run({ options }, context) {
    const diagnosis = await diagnose(options.software, context);
    const text = options.json ? JSON.stringify(diagnosis) : renderDiagnosis(diagnosis, context.stdout.columns);
    context.stdout.write(`${text}\n`);
    return diagnosis.ok ? 0 : 1;
  },
});

/** Finds an adapter, computes on it, and closes it again. */
async function diagnose(software: boolean, { now, env }: Pick<CommandContext, "now" | "env">): Promise<Diagnosis> {
  const diagnosis: Diagnosis = {
    ok: false,
    versions: {
      graft: graftVersion(),
      node: process.versions.node,
      webgpu: packageVersion("webgpu"),
      chromium: packageVersion("@sparticuz/chromium"),
      sharp: packageVersion("sharp"),
      hub: packageVersion("@huggingface/hub"),
      platform: `${process.platform} ${process.arch}, ${release()}`,
    },
    attempts: [],
    adapter: null,
    limits: {},
    features: {},
    variants: {},
    tuned: null,
    computation: null,
    downloads: await downloadedModels(env),
    error: null,
    remedies: [],
  };
  try {
    const { adapter, source, attempts } = await findNodeAdapter({ software, subgroupMatrices: true });
    diagnosis.attempts = attempts;
    using gpu = await Gpu.open({ adapter });
    const { isSoftware, ...description } = gpu.adapter;
    diagnosis.adapter = { ...description, software: isSoftware, source };
    for (const { name } of LIMITS) diagnosis.limits[name] = gpu.limits[name];
    for (const name of Object.keys(FEATURES)) diagnosis.features[name] = adapter.features.has(name);
    diagnosis.variants = effectiveVariants(gpu);
    diagnosis.tuned = await findTuned(env, gpu);
    const started = now();
    const { ok, detail } = await multiplyOnce(gpu);
    diagnosis.computation = { ok, detail, seconds: (now() - started) / 1000 };
    diagnosis.ok = ok;
    diagnosis.remedies = ok ? speedRemedies(description.class, software) : ["update the driver of this adapter"];
  } catch (error) {
    diagnosis.error = (error as Error).message.split("\n")[0];
    if (error instanceof AdapterNotFoundError) {
      diagnosis.attempts = error.attempts;
      diagnosis.remedies = error.remedies;
    }
  }
  return diagnosis;
}

/** A software adapter works, but there is something faster. */
function speedRemedies(adapterClass: string, asked: boolean): string[] {
  if (asked) return [];
  const driver = "a GPU and its Vulkan driver are many times as fast as a processor";
  if (adapterClass === "lavapipe") return [driver];
  if (adapterClass !== "swiftshader") return [];
  return [
    "lavapipe, Mesa's software driver, is four to ten times as fast as SwiftShader; it needs Mesa 23.1 or later " +
      "(on Debian 12: apt-get install -t bookworm-backports mesa-vulkan-drivers)",
    driver,
  ];
}

/** The diagnosis for people. */
export function renderDiagnosis(diagnosis: Diagnosis, columns = 80): string {
  const { versions, attempts, adapter, computation, error, remedies } = diagnosis;
  const lines: string[] = [];
  const section = (title: string, rows: readonly (readonly string[])[], right: readonly number[] = []) => {
    if (rows.length === 0) return;
    const alignments = rows[0].map((_, i) => (right.includes(i) ? ("right" as const) : ("left" as const)));
    lines.push("", title, ...table(rows, alignments).map((line) => `  ${line}`));
  };
  const missing = "not installed";
  section("Versions", [
    ["graft", versions.graft],
    ["Node", versions.node],
    ["webgpu (Dawn)", versions.webgpu ?? missing],
    ["@sparticuz/chromium", versions.chromium ?? missing],
    ["sharp (PNG, JPEG)", versions.sharp ?? missing],
    ["@huggingface/hub", versions.hub ?? missing],
    ["platform", versions.platform],
  ]);
  section(
    "Looked for",
    attempts.map(({ what, result }) => [what, result]),
  );
  if (adapter) {
    const { name, class: adapterClass, source, subgroupMinSize, subgroupMaxSize } = adapter;
    const origin = source === "swiftshader" ? "from npm" : "this machine's own";
    const sizes = subgroupMinSize === subgroupMaxSize ? [subgroupMinSize] : [subgroupMinSize, subgroupMaxSize];
    section("Adapter", [
      ["name", name],
      ["class", `${adapterClass}${adapter.software ? ", runs on the processor" : ""}`],
      ["comes from", origin],
      ["subgroups of", subgroupMaxSize === 0 ? "unknown size" : sizes.join(" to ")],
    ]);
    section(
      "Limits",
      LIMITS.filter(({ name: limit }) => diagnosis.limits[limit] !== undefined).map(({ name: limit, unit }) => {
        const value = diagnosis.limits[limit];
        return [limit, formatCount(value), unit === "bytes" ? formatBytes(value) : ""];
      }),
      [1, 2],
    );
    section(
      "Features",
      Object.entries(diagnosis.features).map(([name, has]) => [
        name,
        has ? "yes" : "no",
        FEATURES[name as keyof typeof FEATURES],
      ]),
    );
  }
  section(
    "Kernel variants",
    Object.entries(diagnosis.variants).map(([family, candidate]) => {
      const better = diagnosis.tuned?.[family];
      return [family, candidate, better === undefined ? "" : `--tuned: ${better}`];
    }),
  );
  if (computation) {
    section("Computation", [
      [computation.ok ? "right" : "WRONG", `${computation.detail}, in ${formatDuration(computation.seconds)}`],
    ]);
  }
  const { path, bytes } = diagnosis.downloads;
  section("Downloaded models", [[bytes > 0 ? formatBytes(bytes) : "none", bytes > 0 ? `in ${printable(path)}` : ""]]);
  if (remedies.length > 0) {
    lines.push("", diagnosis.ok ? "Faster" : "What to do");
    for (const remedy of remedies) {
      lines.push(...wrap(remedy, columns - 4).map((line, i) => `  ${i === 0 ? "-" : " "} ${line}`));
    }
  }
  lines.push("", diagnosis.ok ? "graft works here." : `graft does not work here${error ? `: ${error}` : "."}`);
  return lines.slice(1).join("\n");
}
