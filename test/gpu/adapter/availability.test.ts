import { describe, expect, it } from "vitest";
import { describeWebGpuProblem, type WebGpuProblem, WebGpuUnavailableError } from "../../../src/gpu/index.ts";

const LINUX_CHROME =
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";
const AGENTS: Record<string, string> = {
  "Chrome on Linux": LINUX_CHROME,
  "old Chrome": LINUX_CHROME.replace("Chrome/140", "Chrome/110"),
  "Chrome on Android": LINUX_CHROME.replace("X11; Linux x86_64", "Linux; Android 10; K").replace("140", "120"),
  "Edge on Windows": `${LINUX_CHROME.replace("X11; Linux x86_64", "Windows NT 10.0; Win64; x64")} Edg/140.0.0.0`,
  "Safari 18":
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
  "Safari on an iPhone":
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Version/18.5 Mobile/15E148 Safari/604.1",
  "Firefox on Windows": "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0",
  "Firefox on a Mac": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:144.0) Gecko/20100101 Firefox/144.0",
  "Firefox on Linux": "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
  "old Firefox on Linux": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
  "Firefox on Android": "Mozilla/5.0 (Android 14; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0",
  "something else": "Links (2.29)",
};
const LIMITS = {
  ...{ maxBufferSize: 2 ** 28, maxStorageBufferBindingSize: 2 ** 27, maxStorageBuffersPerShaderStage: 8 },
  ...{ maxComputeWorkgroupStorageSize: 16384, maxComputeInvocationsPerWorkgroup: 256, maxComputeWorkgroupSizeX: 256 },
  maxComputeWorkgroupsPerDimension: 65535,
};
/** A browser's `navigator.gpu` that gives an adapter of these limits, or none. */
const gpuWith = (limits: Partial<typeof LIMITS> | null): GPU =>
  ({ requestAdapter: async () => limits && { limits } }) as unknown as GPU;
const problemOf = (userAgent: string, gpu?: GPU, isSecureContext = true): Promise<WebGpuProblem | null> =>
  describeWebGpuProblem({ isSecureContext, navigator: { userAgent, gpu } });

describe("what a browser lacks", () => {
  it("is nothing where there is an adapter with the limits that WebGPU guarantees", async () => {
    expect(await problemOf(LINUX_CHROME, gpuWith(LIMITS))).toBeNull();
  });

  it("is a secure address, before anything else", async () => {
    const problem = await problemOf(LINUX_CHROME, undefined, false);
    expect(problem).toMatchObject({ kind: "insecure-context", title: "This address is not secure" });
    expect(problem!.steps.join(" ")).toMatch(/https:\/\/.*http:\/\/localhost/);
  });

  it.each([
    ["Chrome on Linux", /chrome:\/\/flags.*Unsafe WebGPU.*--enable-features=Vulkan/],
    ["old Chrome", /^Chrome 110 is too old: update it to version 113 or newer\./],
    ["Chrome on Android", /^Chrome 120 is too old: update it to version 121 or newer\./],
    ["Edge on Windows", /^Open edge:\/\/gpu/],
    ["Safari 18", /^Safari 18 is too old: update it to version 26 or newer\./],
    ["Safari on an iPhone", /iOS 26/],
    ["Firefox on Windows", /^Firefox 140 is too old: update it to version 141 or newer\./],
    ["Firefox on a Mac", /^Firefox 144 is too old: update it to version 145 or newer\./],
    ["Firefox on Linux", /^Switch on dom\.webgpu\.enabled in about:config\.$/],
    ["old Firefox on Linux", /^Firefox 128 is too old: update it to version 141 or newer\./],
    ["Firefox on Android", /dom\.webgpu\.enabled.*Nightly/],
    ["something else", /^Open the page in Chrome or Edge 113 or newer, Safari 26 or newer, or Firefox 141/],
  ])("is WebGPU itself in %s, and the first step is the browser's own", async (browser, step) => {
    const problem = await problemOf(AGENTS[browser]);
    expect(problem).toMatchObject({ kind: "no-webgpu", title: "This browser has no WebGPU" });
    expect(problem!.steps[0]).toMatch(step);
  });

  it("tells an iPad, which calls itself a Macintosh, by its screen", async () => {
    const navigator = { userAgent: AGENTS["Safari 18"], maxTouchPoints: 5 };
    expect((await describeWebGpuProblem({ navigator }))!.steps[0]).toMatch(/iPadOS 26/);
  });

  it("is an adapter: none is offered, or asking for one fails", async () => {
    const broken = { requestAdapter: () => Promise.reject(new Error("blocked")) } as unknown as GPU;
    for (const gpu of [gpuWith(null), broken]) {
      const problem = await problemOf(LINUX_CHROME, gpu);
      expect(problem).toMatchObject({ kind: "no-adapter", title: "The browser found no graphics card" });
      expect(problem!.steps.join(" ")).toMatch(/hardware acceleration.*Vulkan.*chrome:\/\/gpu.*swiftshader/);
    }
    expect((await problemOf(AGENTS["Safari 18"], gpuWith(null)))!.steps.join(" ")).not.toMatch(/chrome:|--/);
    const inFirefox = (await problemOf(AGENTS["Firefox on Linux"], gpuWith(null)))!.steps.join(" ");
    expect(inFirefox).toMatch(/about:support.*gfx\.webgpu\.ignore-blocklist/);
  });

  it("is a limit, which is named with what it has and what is needed", async () => {
    const gpu = gpuWith({ ...LIMITS, maxStorageBuffersPerShaderStage: 4, maxBufferSize: 2 ** 27 });
    const problem = await problemOf(LINUX_CHROME, gpu);
    expect(problem!.kind).toBe("small-limits");
    expect(problem!.text).toContain(
      "maxBufferSize is 134217728, and 268435456 is needed; maxStorageBuffersPerShaderStage is 4, and 8 is needed.",
    );
  });

  it("is told in one error, for pages that only catch", async () => {
    const problem = (await problemOf(AGENTS["old Chrome"]))!;
    const error = new WebGpuUnavailableError(problem);
    expect(error).toMatchObject({ name: "WebGpuUnavailableError", problem });
    expect(error.message).toMatch(/^This browser has no WebGPU: The model is .*\. Chrome 110 is too old/);
  });
});
