import { DeviceLostError, Gpu } from "../../gpu/index.ts";
import type { SessionOptions } from "../types.ts";

export type OpenGpu = (options: SessionOptions["gpu"]) => Promise<Gpu>;

/** The session's handle to a GPU; another is opened when the one before was lost. */
export class Device {
  #gpu: Gpu | null = null;
  #opening: Promise<Gpu> | null = null;
  #isEnded = false;

  constructor(
    private readonly options: SessionOptions["gpu"],
    private readonly open: OpenGpu = (asked) => Gpu.open(asked),
  ) {}

  /** @throws when the session is over, and what `open` throws. */
  async get(): Promise<Gpu> {
    if (this.#gpu?.isLost) this.close();
    if (this.#gpu) return this.#gpu;
    // Several may ask before the first has it: they share one.
    this.#opening ??= this.#open();
    return this.#opening;
  }

  async #open(): Promise<Gpu> {
    try {
      if (!this.#isEnded) this.#gpu = await this.open(this.options);
    } finally {
      this.#opening = null;
    }
    if (this.#isEnded) this.close();
    if (!this.#gpu) throw new Error("the session is closed");
    return this.#gpu;
  }

  /** The handle, if it is open and not lost. */
  get current(): Gpu | null {
    return this.#gpu?.isLost ? null : this.#gpu;
  }

  /** The loss that an error comes from, or null. What fails of a lost device may be told before the loss itself. */
  async lossBehind(error: unknown): Promise<DeviceLostError | null> {
    if (error instanceof DeviceLostError) return error;
    const name = error instanceof Error ? error.name : "";
    if (!this.#gpu || !["AbortError", "OperationError", "GpuError"].includes(name)) return null;
    await turn();
    return this.#gpu.isLost ? new DeviceLostError("unknown", (error as Error).message) : null;
  }

  close(): void {
    this.#gpu?.close();
    this.#gpu = null;
  }

  /** Closes the handle; there is no other after it. */
  end(): void {
    this.#isEnded = true;
    this.close();
  }
}

/** Lets what has happened be told: a message goes behind all that waits now. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
