import { BUFFER_USAGE } from "../buffer-pool.ts";
import type { KernelVariant } from "./kernel.ts";
import { PARAM_SLOT_BYTES } from "./kernel.ts";
import type { PipelineCache } from "./pipeline-cache.ts";

/** Bytes of what a kernel is bound to here; none reads or writes it. */
const BLANK_BYTES = 65_536;
const INDIRECT = 256; // GPUBufferUsage.INDIRECT

/**
 * Makes pipelines ahead of their first use, without holding up the thread. lavapipe translates a shader to machine code
 * when it is first dispatched, so there each is dispatched over no workgroups at all: the counts come from a buffer of
 * zeros, since a dispatch that is known to be empty is left out.
 */
export async function warmUp(
  device: GPUDevice,
  pipelines: PipelineCache,
  variants: Iterable<KernelVariant>,
  compilesAtDispatch: boolean,
  onCompiled: (done: number, total: number) => void = () => {},
): Promise<void> {
  const missing = [...variants].filter((variant) => !pipelines.has(variant));
  if (missing.length === 0) return;
  let done = 0;
  const blanks = compilesAtDispatch ? new Blanks(device, pipelines) : undefined;
  await Promise.all(
    missing.map(async (variant) => {
      const pipeline = await pipelines.prepare(variant);
      if (pipeline) blanks?.dispatch(variant, pipeline);
      onCompiled(++done, missing.length);
    }),
  );
  await device.queue.onSubmittedWorkDone();
  blanks?.destroy();
}

/** Buffers that kernels are bound to without running. */
class Blanks {
  readonly #buffers: GPUBuffer[] = [];
  readonly #counts: GPUBuffer;
  readonly #params: GPUBindGroup;
  readonly #groups = new Map<string, GPUBindGroup>();

  constructor(
    private readonly device: GPUDevice,
    private readonly pipelines: PipelineCache,
  ) {
    this.#counts = device.createBuffer({ size: 12, usage: INDIRECT });
    const params = device.createBuffer({ size: PARAM_SLOT_BYTES, usage: BUFFER_USAGE.UNIFORM });
    this.#buffers.push(params);
    this.#params = device.createBindGroup({
      layout: pipelines.paramLayout,
      entries: [{ binding: 0, resource: { buffer: params } }],
    });
  }

  dispatch({ kernel }: KernelVariant, pipeline: GPUComputePipeline): void {
    const encoder = this.device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, this.#group(kernel.layoutKey));
    pass.setBindGroup(1, this.#params);
    pass.dispatchWorkgroupsIndirect(this.#counts, 0);
    pass.end();
    this.device.queue.submit([encoder.finish()]);
  }

  destroy(): void {
    for (const buffer of [...this.#buffers, this.#counts]) buffer.destroy();
  }

  #group(layoutKey: string): GPUBindGroup {
    let group = this.#groups.get(layoutKey);
    if (!group) {
      const entries = [...layoutKey].map((_, binding) => {
        const buffer = this.device.createBuffer({ size: BLANK_BYTES, usage: BUFFER_USAGE.STORAGE });
        this.#buffers.push(buffer);
        return { binding, resource: { buffer } };
      });
      group = this.device.createBindGroup({ layout: this.pipelines.storageLayout(layoutKey), entries });
      this.#groups.set(layoutKey, group);
    }
    return group;
  }
}
