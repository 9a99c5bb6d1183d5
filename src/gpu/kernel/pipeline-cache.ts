import { type GpuError, ShaderCompileError, type ShaderMessage } from "../errors.ts";
import type { KernelVariant } from "./kernel.ts";

const COMPUTE_STAGE = 4; // GPUShaderStage.COMPUTE

/** Makes each pipeline once. Compile errors are reported through `report`, with the numbered source. */
export class PipelineCache {
  /** Layout of group 1: the uniform struct of a dispatch. */
  readonly paramLayout: GPUBindGroupLayout;
  created = 0;
  readonly #pipelines = new Map<string, GPUComputePipeline>();
  readonly #failed = new Map<string, ShaderCompileError>();
  readonly #checks = new Set<Promise<void>>();
  readonly #storageLayouts = new Map<string, GPUBindGroupLayout>();
  readonly #pipelineLayouts = new Map<string, GPUPipelineLayout>();

  constructor(
    private readonly device: GPUDevice,
    private readonly report: (error: GpuError) => void,
  ) {
    this.paramLayout = device.createBindGroupLayout({
      entries: [{ binding: 0, visibility: COMPUTE_STAGE, buffer: { type: "uniform" } }],
    });
  }

  /** Whether the compiler's word on a new pipeline is still awaited. */
  get isChecking(): boolean {
    return this.#checks.size > 0;
  }

  /** Resolves when every pipeline made so far is known to be good, or has been reported. */
  async checked(): Promise<void> {
    while (this.#checks.size > 0) await Promise.all(this.#checks);
  }

  /** @throws ShaderCompileError when the variant is known not to compile. */
  get(variant: KernelVariant): GPUComputePipeline {
    const failure = this.#failed.get(variant.key);
    if (failure) throw failure;
    let pipeline = this.#pipelines.get(variant.key);
    if (!pipeline) {
      this.device.pushErrorScope("validation");
      const module = this.device.createShaderModule({ label: variant.key, code: variant.code });
      pipeline = this.device.createComputePipeline({
        label: variant.key,
        layout: this.#pipelineLayout(variant.kernel.layoutKey),
        compute: { module, entryPoint: "main" },
      });
      this.created++;
      this.#pipelines.set(variant.key, pipeline);
      const check = this.#checkCompilation(variant, module).finally(() => this.#checks.delete(check));
      this.#checks.add(check);
    }
    return pipeline;
  }

  has(variant: KernelVariant): boolean {
    return this.#pipelines.has(variant.key);
  }

  /**
   * Makes a pipeline in the background. Undefined when it does not compile, which `get` reports; one that `get` was
   * asked for meanwhile stays.
   */
  async prepare(variant: KernelVariant): Promise<GPUComputePipeline | undefined> {
    this.device.pushErrorScope("validation");
    const module = this.device.createShaderModule({ label: variant.key, code: variant.code });
    const isBad = this.device.popErrorScope().catch(() => null);
    const layout = this.#pipelineLayout(variant.kernel.layoutKey);
    const made = await this.device
      .createComputePipelineAsync({ label: variant.key, layout, compute: { module, entryPoint: "main" } })
      .catch(() => undefined);
    if ((await isBad) || !made) return undefined;
    const kept = this.#pipelines.get(variant.key);
    if (kept) return kept;
    this.created++;
    this.#pipelines.set(variant.key, made);
    return made;
  }

  /** Layout of group 0 for access letters: `r` read-only storage, `w` read-write storage. */
  storageLayout(layoutKey: string): GPUBindGroupLayout {
    let layout = this.#storageLayouts.get(layoutKey);
    if (!layout) {
      layout = this.device.createBindGroupLayout({
        entries: [...layoutKey].map((access, binding) => ({
          binding,
          visibility: COMPUTE_STAGE,
          buffer: { type: access === "r" ? ("read-only-storage" as const) : ("storage" as const) },
        })),
      });
      this.#storageLayouts.set(layoutKey, layout);
    }
    return layout;
  }

  #pipelineLayout(layoutKey: string): GPUPipelineLayout {
    let layout = this.#pipelineLayouts.get(layoutKey);
    if (!layout) {
      layout = this.device.createPipelineLayout({
        bindGroupLayouts: [this.storageLayout(layoutKey), this.paramLayout],
      });
      this.#pipelineLayouts.set(layoutKey, layout);
    }
    return layout;
  }

  async #checkCompilation(variant: KernelVariant, module: GPUShaderModule): Promise<void> {
    // A lost device rejects these; the loss itself is reported elsewhere.
    const error = await this.device.popErrorScope().catch(() => null);
    if (!error) return;
    const info = await module.getCompilationInfo().catch(() => null);
    const messages = (info?.messages ?? []).map(
      ({ type, lineNum, linePos, message }): ShaderMessage => ({ type, line: lineNum, column: linePos, text: message }),
    );
    const words = messages.map(({ type, line, column, text }) => `  ${type} at ${line}:${column}: ${text}`);
    const numbered = variant.code.split("\n").map((line, index) => `${String(index + 1).padStart(4)} | ${line}`);
    const failure = new ShaderCompileError(
      `kernel ${variant.key} does not compile: ${error.message}\n${[...words, ...numbered].join("\n")}`,
      messages,
      variant.code,
    );
    this.#failed.set(variant.key, failure);
    this.report(failure);
  }
}
