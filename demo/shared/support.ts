/** Why a browser cannot run this, in words for the one who sits before it. */
export interface Obstacle {
  readonly title: string;
  readonly text: string;
  /** What can be done, one thing a line. */
  readonly steps: readonly string[];
}

/**
 * Looks whether WebGPU is there, with an adapter and the limits that every implementation guarantees; null when all is
 * well.
 */
export async function findObstacle(): Promise<Obstacle | null> {
  if (!isSecureContext) {
    return {
      title: "This address is not secure",
      text: "Browsers give WebGPU to pages from https and from localhost only.",
      steps: ["Open the page under https, or on localhost."],
    };
  }
  if (!("gpu" in navigator) || !navigator.gpu) {
    return {
      title: "This browser has no WebGPU",
      text: "The model is trained on your GPU, which this page cannot reach here.",
      steps: stepsFor(navigator.userAgent),
    };
  }
  let adapter: GPUAdapter | null = null;
  try {
    adapter = await navigator.gpu.requestAdapter();
  } catch {
    // Told below: there is none.
  }
  if (!adapter) {
    return {
      title: "WebGPU is here, but no adapter",
      text: "The browser knows WebGPU and offers no GPU for it: the GPU or its driver is blocked, or there is none.",
      steps: [
        "Switch hardware acceleration on in the browser's settings and restart it.",
        "Chrome, Edge: open chrome://gpu and see whether WebGPU is blocked; chrome://flags/#enable-unsafe-webgpu allows it all the same.",
        "Without a GPU: start Chrome with --enable-unsafe-webgpu --use-webgpu-adapter=swiftshader.",
      ],
    };
  }
  const problem = shortLimit(adapter.limits);
  if (problem === null) return null;
  return {
    title: "The GPU's limits are too small",
    text: problem,
    steps: ["Try another browser, or another GPU where the machine has two."],
  };
}

/** What the engine counts on: WebGPU's guaranteed minimum. */
const NEEDED = {
  maxStorageBufferBindingSize: 128 * 2 ** 20,
  maxBufferSize: 256 * 2 ** 20,
  maxStorageBuffersPerShaderStage: 8,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupStorageSize: 16 * 1024,
} as const;

/** A sentence about the first limit that is below what is needed. */
export function shortLimit(limits: Pick<GPUSupportedLimits, keyof typeof NEEDED>): string | null {
  for (const [name, needed] of Object.entries(NEEDED)) {
    const has = limits[name as keyof typeof NEEDED];
    if (has < needed) return `It gives ${name} = ${has}, and ${needed} is needed.`;
  }
  return null;
}

/** What the reader of this browser can do to get WebGPU. */
export function stepsFor(userAgent: string): string[] {
  const isMobile = /Android|iPhone|iPad/.test(userAgent);
  if (/Firefox\//.test(userAgent)) {
    return [
      "Firefox has WebGPU on Windows since version 141 and on Apple silicon since 145.",
      "Elsewhere open about:config and set dom.webgpu.enabled to true, or use Firefox Nightly.",
      "Chrome or Edge 113 and newer have it switched on.",
    ];
  }
  if (/Version\/[\d.]+.*Safari\//.test(userAgent)) {
    return [
      "Safari has WebGPU since version 26 (macOS Tahoe, iOS 26).",
      "In older ones: Develop, Feature Flags, WebGPU; on a phone: Settings, Apps, Safari, Advanced, Feature Flags.",
    ];
  }
  if (/Chrome\//.test(userAgent)) {
    return [
      isMobile
        ? "Chrome on Android has WebGPU since version 121, on Android 12 and newer."
        : "Chrome and Edge have WebGPU since version 113 on Windows, macOS and ChromeOS.",
      "On Linux, and where it is switched off: open chrome://flags/#enable-unsafe-webgpu, enable it and restart.",
      "Switch hardware acceleration on in the browser's settings.",
    ];
  }
  return ["Chrome or Edge 113, Safari 26 and Firefox 141 have WebGPU; newer versions too."];
}
