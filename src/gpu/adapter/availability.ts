import { GpuError } from "../errors.ts";
import { browserOf, stepsWithout, stepsWithoutAdapter } from "./browser-advice.ts";

/** Why a browser cannot run the engine, in words for the person before it. */
export interface WebGpuProblem {
  readonly kind: "insecure-context" | "no-webgpu" | "no-adapter" | "small-limits";
  readonly title: string;
  readonly text: string;
  /** What can be done, one thing a line; the first is the most likely to help. */
  readonly steps: readonly string[];
}

/** A browser that cannot open a GPU. `problem` says why, and what to do. */
export class WebGpuUnavailableError extends GpuError {
  override name = "WebGpuUnavailableError";
  constructor(readonly problem: WebGpuProblem) {
    super(`${problem.title}: ${problem.text} ${problem.steps.join(" ")}`);
  }
}

/** What is looked at: a page's or a worker's global object. */
export interface WebGpuSurroundings {
  readonly isSecureContext?: boolean;
  readonly navigator?: {
    readonly gpu?: Pick<GPU, "requestAdapter">;
    readonly userAgent?: string;
    readonly maxTouchPoints?: number;
  };
}

/** Smallest limits that the kernels are written for: those that WebGPU guarantees. */
const NEEDED_LIMITS = {
  maxBufferSize: 2 ** 28,
  maxStorageBufferBindingSize: 2 ** 27,
  maxStorageBuffersPerShaderStage: 8,
  maxComputeWorkgroupStorageSize: 2 ** 14,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupSizeX: 256,
  maxComputeWorkgroupsPerDimension: 2 ** 16 - 1,
} as const satisfies Partial<Record<keyof GPUSupportedLimits, number>>;

/** Whether this is a page or a worker of a browser, and not Node or another runtime of servers. */
export const isInBrowser = (): boolean => "document" in globalThis || "WorkerGlobalScope" in globalThis;

/**
 * Looks whether a GPU can be opened here: null when it can. Else it says which browser, which setting or which limit is
 * missing, and what to do. For pages and workers; in Node `Gpu.open` itself says what is missing.
 *
 * @example
 * const problem = await describeWebGpuProblem();
 * if (problem) page.append(problem.title, problem.text, ...problem.steps);
 */
export async function describeWebGpuProblem(
  surroundings: WebGpuSurroundings = globalThis as WebGpuSurroundings,
): Promise<WebGpuProblem | null> {
  const { isSecureContext, navigator } = surroundings;
  if (isSecureContext === false) return INSECURE;
  const browser = browserOf(navigator?.userAgent ?? "", (navigator?.maxTouchPoints ?? 0) > 1);
  if (!navigator?.gpu) {
    return {
      kind: "no-webgpu",
      title: "This browser has no WebGPU",
      text: "The model is trained on your graphics card, which a page reaches through WebGPU alone.",
      steps: stepsWithout(browser),
    };
  }
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: "high-performance" }).catch(() => null);
  if (adapter) return describeSmallLimits(adapter.limits);
  return {
    kind: "no-adapter",
    title: "The browser found no graphics card",
    text: "It knows WebGPU, but has no adapter for it: the graphics card or its driver is blocked, or there is none.",
    steps: stepsWithoutAdapter(browser),
  };
}

const INSECURE: WebGpuProblem = {
  kind: "insecure-context",
  title: "This address is not secure",
  text: "Browsers offer WebGPU only to pages that come over https, or from the same machine.",
  steps: ["Open the page with https:// in place of http://.", "On your own machine, open it as http://localhost."],
};

/** The problem of an adapter with smaller limits than the kernels need; null when there is none. */
export function describeSmallLimits(limits: Readonly<Partial<Record<string, number>>> | GPUSupportedLimits) {
  const small = Object.entries(NEEDED_LIMITS).flatMap(([name, needed]) => {
    const has = (limits as Record<string, number | undefined>)[name] ?? 0;
    return has < needed ? [`${name} is ${has}, and ${needed} is needed`] : [];
  });
  if (small.length === 0) return null;
  return {
    kind: "small-limits",
    title: "This graphics card allows too little",
    text: `Its limits are smaller than those that WebGPU guarantees: ${small.join("; ")}.`,
    steps: [
      "Update the graphics driver and the browser.",
      "If the machine has two graphics cards, let the browser use the faster one.",
    ],
  } satisfies WebGpuProblem;
}
