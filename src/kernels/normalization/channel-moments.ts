import momentsSource from "../../../shaders/normalization/channel-moments.wgsl";
import mergeSource from "../../../shaders/normalization/channel-moments-merge.wgsl";
import { defineKernel, listVariants } from "../../gpu/index.ts";
import { reshapeView, type Tensor } from "../../tensor/index.ts";
import { contiguous, copy, copyInto } from "../copy.ts";
import { launch, output, ROW_VARIANTS, rowGrid, rowVariant } from "../launch.ts";
import { forRowWindows } from "../windows.ts";

const momentsKernel = defineKernel({
  name: "channel-moments",
  source: momentsSource,
  bindings: { x: "read", y: "read_write" },
  params: {
    rows: "u32",
    channels: "u32",
    inner: "u32",
    total: "u32",
    chunk: "u32",
    stride: "u32",
    firstChunk: "u32",
    firstChannel: "u32",
    xOffset: "u32",
    yOffset: "u32",
  },
});
listVariants(momentsKernel, () => ROW_VARIANTS);

const mergeKernel = defineKernel({
  name: "channel-moments-merge",
  source: mergeSource,
  bindings: {
    x: "read",
    mean: "read_write",
    variance: "read_write",
    runningMean: "read_write",
    runningVariance: "read_write",
  },
  params: {
    channels: "u32",
    chunks: "u32",
    total: "f32",
    keep: "f32",
    momentum: "f32",
    xOffset: "u32",
    meanOffset: "u32",
    varianceOffset: "u32",
    runningMeanOffset: "u32",
    runningVarianceOffset: "u32",
  },
});
listVariants(mergeKernel, () => ROW_VARIANTS.flatMap((rows) => [rows, { ...rows, TRACK: "true" }]));

/** A contiguous tensor seen as [outer, channels, inner]; what belongs to a channel is summed over the other two. */
export interface ChannelLayout {
  readonly outer: number;
  readonly channels: number;
  readonly inner: number;
}

/** Mean and variance (over the count) of each channel. */
export interface Moments {
  readonly mean: Tensor;
  readonly variance: Tensor;
}

export interface RunningStatistics {
  readonly mean: Tensor;
  readonly variance: Tensor;
  readonly momentum: number;
}

/** Elements of a channel that make one partial result. Fixed, so that results depend on the shape alone. */
const CHUNK = 2048;

/** A window of a layout, as parameters of a kernel with a row for each of its chunks and channels. */
interface Part {
  readonly rows: number;
  readonly channels: number;
  readonly inner: number;
  readonly total: number;
  readonly chunk: number;
  readonly firstChunk: number;
  readonly firstChannel: number;
}

/** Runs `body` over windows of the outer axis, or of the channels where that has length 1, small enough to bind. */
export function forChannelWindows(
  op: string,
  tensors: readonly Tensor[],
  { outer, channels, inner }: ChannelLayout,
  body: (windows: readonly Tensor[], part: Part) => void,
): void {
  const matrices = tensors.map((x) => reshapeView(x, outer > 1 ? [outer, channels * inner] : [channels, inner])!);
  let firstChunk = 0;
  forRowWindows(op, matrices, (windows, count, begin) => {
    const part = outer > 1 ? { outer: count, channels } : { outer: 1, channels: count };
    const total = part.outer * inner;
    const chunks = Math.ceil(total / CHUNK);
    body(windows, {
      rows: chunks * part.channels,
      channels: part.channels,
      inner,
      total,
      chunk: CHUNK,
      firstChunk,
      firstChannel: outer > 1 ? 0 : begin,
    });
    if (outer > 1) firstChunk += chunks;
  });
  for (const matrix of matrices) matrix.dispose();
}

/** How many chunks all windows of a layout have together. */
export function chunksOf(op: string, tensors: readonly Tensor[], layout: ChannelLayout): number {
  let chunks = 0;
  forChannelWindows(op, tensors, layout, (_windows, { firstChunk, total }) => {
    chunks = firstChunk + Math.ceil(total / CHUNK);
  });
  return chunks;
}

/**
 * Mean and variance of each channel of x, seen as `layout`: exact two-pass sums of chunks of 2,048 elements, merged in
 * order (Chan, Golub & LeVeque 1983), so that nothing cancels. Moves `running` in place towards them, with the unbiased
 * variance. The layout is not empty.
 */
export function channelMoments(op: string, x: Tensor, layout: ChannelLayout, running?: RunningStatistics): Moments {
  const { channels } = layout;
  const spec = rowVariant(x);
  const source = contiguous(x);
  const chunks = chunksOf(op, [source], layout);
  const partial = output(op, x, [chunks, 3, channels]);
  forChannelWindows(op, [source], layout, ([window], part) => {
    const params = { ...part, stride: channels };
    launch(op, momentsKernel.variant(spec), [window, partial], params, rowGrid(part.rows, spec));
  });
  if (chunks === 1 && !running) {
    const line = (index: number): Tensor => partial.view([channels], [1], index * channels);
    return { mean: line(0), variance: line(1) };
  }
  const [mean, variance] = [output(op, x, [channels]), output(op, x, [channels])];
  const total = layout.outer * layout.inner;
  const momentum = running?.momentum ?? 0;
  withWritable(running, x, (runningMean, runningVariance) => {
    launch(
      op,
      mergeKernel.variant(running ? { ...spec, TRACK: "true" } : spec),
      [partial, mean, variance, runningMean, runningVariance],
      { channels, chunks, total, momentum, keep: 1 - momentum },
      rowGrid(channels, spec),
    );
  });
  return { mean, variance };
}

/** Lends the running statistics to a kernel that writes them: each contiguous and in a storage of its own. */
function withWritable(
  running: RunningStatistics | undefined,
  like: Tensor,
  body: (mean: Tensor, variance: Tensor) => void,
): void {
  if (!running) {
    body(output("moments", like, [1]), output("moments", like, [1])); // bound, and not written
    return;
  }
  const { mean, variance } = running;
  const isShared = mean.storage === variance.storage;
  const lent = [mean, variance].map((x) => (isShared || !x.isContiguous ? copy(x) : x));
  body(lent[0], lent[1]);
  [mean, variance].forEach((x, i) => {
    if (lent[i] !== x) copyInto(x, lent[i]);
  });
}
