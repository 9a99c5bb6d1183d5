/** Base of every error that the GPU room raises. */
export class GpuError extends Error {
  override name = "GpuError";
}

/** One of the compiler's words on a shader. Line and column count from 1; 0 where it names no place. */
export interface ShaderMessage {
  readonly type: "error" | "warning" | "info";
  readonly line: number;
  readonly column: number;
  readonly text: string;
}

/** A shader that does not compile; the message carries the numbered source and the compiler's words. */
export class ShaderCompileError extends GpuError {
  override name = "ShaderCompileError";
  constructor(
    message: string,
    /** Empty where the shader compiles but makes no pipeline. */
    readonly messages: readonly ShaderMessage[] = [],
    /** The shader, whose lines the messages count. */
    readonly code = "",
  ) {
    super(message);
  }
}

/** The device was lost (driver reset, GPU removed, or `close()` while work was pending). */
export class DeviceLostError extends GpuError {
  override name = "DeviceLostError";
  constructor(
    readonly reason: string,
    message: string,
  ) {
    super(`The GPU device was lost (${reason || "unknown"}): ${message || "no further information"}`);
  }
}

/** A buffer or binding that the device's limits, or the pool's own byte budget, do not allow. */
export class MemoryLimitError extends GpuError {
  override name = "MemoryLimitError";
}

/** A step that cannot be captured, or not be replayed any more; the message says why. */
export class CaptureError extends GpuError {
  override name = "CaptureError";
  constructor(reason: string) {
    super(`capture: ${reason}`);
  }
}
