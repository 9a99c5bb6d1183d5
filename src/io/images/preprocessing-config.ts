import { defaultPreprocessing, type ImagePreprocessing } from "./preprocessing.ts";
import type { ResizeFilter } from "./resize.ts";

/** Pillow's numbers of the filters. */
const RESAMPLE: Readonly<Record<number, ResizeFilter>> = { 2: "bilinear", 3: "bicubic" };
/** From this size on ConvNeXT's processor, which ResNet uses too, resizes to the whole square. */
const CONVNEXT_WHOLE = 384;
const CONVNEXT_CROP = 224 / 256;

type Json = Readonly<Record<string, unknown>>;
type Size = ImagePreprocessing["resize"];

/** Reads values of a JSON object, with errors that name file and key. */
class JsonReader {
  constructor(
    private readonly json: Json,
    private readonly file: string,
  ) {}

  fail(key: string, expected: string): never {
    throw new Error(`${this.file}: "${key}" is ${JSON.stringify(this.json[key])}, expected ${expected}`);
  }

  has(key: string): boolean {
    return this.json[key] !== undefined && this.json[key] !== null;
  }

  flag(key: string, fallback: boolean): boolean {
    const value = this.json[key] ?? fallback;
    return typeof value === "boolean" ? value : this.fail(key, "true or false");
  }

  number(key: string, fallback: number): number {
    const value = this.json[key] ?? fallback;
    return typeof value === "number" && value > 0 ? value : this.fail(key, "a positive number");
  }

  /** A number for each channel, or one for all. */
  perChannel(key: string, channels: number, fallback: readonly number[], isPositive: boolean): readonly number[] {
    if (!this.has(key)) return fallback;
    const value = this.json[key];
    const list = Array.isArray(value) ? value : [value];
    const isNumber = (one: unknown): boolean =>
      typeof one === "number" && Number.isFinite(one) && (!isPositive || one > 0);
    if (!list.every(isNumber) || (list.length !== channels && list.length !== 1)) {
      this.fail(key, `${channels} ${isPositive ? "positive " : ""}numbers`);
    }
    return list.length === channels ? list : new Array<number>(channels).fill(list[0]);
  }

  /** `224`, `{ shortest_edge: 224 }` or `{ height: 224, width: 224 }`; a bare number means `bare`. */
  size(key: string, bare: "shortest" | "square"): NonNullable<Size> | null {
    if (!this.has(key)) return null;
    const value = this.json[key];
    const isSize = (one: unknown): one is number => Number.isInteger(one) && (one as number) > 0;
    if (isSize(value)) return bare === "shortest" ? { shortest: value } : { height: value, width: value };
    const { shortest_edge, height, width } = (typeof value === "object" ? value : {}) as Record<string, unknown>;
    if (isSize(shortest_edge)) return { shortest: shortest_edge };
    if (isSize(height) && isSize(width)) return { height, width };
    return this.fail(key, "a size: a number, shortest_edge, or height and width");
  }
}

/** What is known of a model's images without its preprocessing. */
export interface ImageShape {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/**
 * Reads transformers' `preprocessor_config.json`: `do_resize`, `size`, `resample`, `crop_pct` or `do_center_crop` and
 * `crop_size`, `do_normalize`, `image_mean`, `image_std`.
 *
 * @throws naming file, key and what was expected.
 */
export function parsePreprocessorConfig(json: unknown, file: string, shape: ImageShape): ImagePreprocessing {
  if (typeof json !== "object" || json === null || Array.isArray(json))
    throw new Error(`${file}: expected a JSON object`);
  const reader = new JsonReader(json as Json, file);
  const { channels } = shape;
  const base = defaultPreprocessing(channels, shape.height, shape.width);
  if (!reader.flag("do_rescale", true) || Math.abs(reader.number("rescale_factor", 1 / 255) * 255 - 1) > 1e-6) {
    reader.fail("rescale_factor", "images to be rescaled by 1/255");
  }
  const resample = reader.has("resample") ? (json as Json).resample : 2;
  const filter = RESAMPLE[resample as number] ?? reader.fail("resample", "2 (bilinear) or 3 (bicubic)");
  const isNormalized = reader.flag("do_normalize", true);
  const mean = reader.perChannel("image_mean", channels, base.mean, false);
  const deviation = reader.perChannel("image_std", channels, base.deviation, true);
  return {
    channels,
    ...readSizes(reader, json as Json, base),
    filter,
    mean: isNormalized ? mean : mean.map(() => 0),
    deviation: isNormalized ? deviation : deviation.map(() => 1),
  };
}

function readSizes(
  reader: JsonReader,
  json: Json,
  base: ImagePreprocessing,
): Pick<ImagePreprocessing, "height" | "width" | "resize"> {
  const isResized = reader.flag("do_resize", true);
  const cropSize = reader.flag("do_center_crop", false) ? reader.size("crop_size", "square") : null;
  const cropped = cropSize && "height" in cropSize ? cropSize : null;
  const isConvnext =
    reader.has("crop_pct") || /ConvNext/i.test(String(json.image_processor_type ?? json.feature_extractor_type));
  const size = reader.size("size", isConvnext || cropped ? "shortest" : "square") ?? base.resize;
  if (!isResized) return { height: cropped?.height ?? base.height, width: cropped?.width ?? base.width, resize: null };
  if (size && "height" in size)
    return { height: cropped?.height ?? size.height, width: cropped?.width ?? size.width, resize: size };
  const { shortest } = size as { shortest: number };
  if (cropped) return { ...cropped, resize: { shortest } };
  const square = { height: shortest, width: shortest };
  if (!isConvnext) return { ...square, resize: { shortest } };
  if (shortest >= CONVNEXT_WHOLE) return { ...square, resize: square };
  return { ...square, resize: { shortest: Math.trunc(shortest / reader.number("crop_pct", CONVNEXT_CROP)) } };
}

/**
 * Reads `mean`, `std` and `input` ([channels, height, width]) of a config.json that holds the preprocessing itself.
 *
 * @throws naming file, key and what was expected.
 */
export function parseConfigPreprocessing(config: Json, file: string, shape: ImageShape): ImagePreprocessing {
  const reader = new JsonReader(config, file);
  const { input } = config;
  const isShape =
    Array.isArray(input) && input.length === 3 && input.every((size) => Number.isInteger(size) && size > 0);
  if (input !== undefined && !isShape) reader.fail("input", "[channels, height, width]");
  const [channels, height, width] = isShape ? (input as number[]) : [shape.channels, shape.height, shape.width];
  if (channels !== shape.channels) reader.fail("input", `${shape.channels} channels, as the model has`);
  const base = defaultPreprocessing(channels, height, width);
  return {
    ...base,
    mean: reader.perChannel("mean", channels, base.mean, false),
    deviation: reader.perChannel("std", channels, base.deviation, true),
  };
}

/** A `preprocessor_config.json` that transformers reads, and that gives the same again. */
export function serializePreprocessing(preprocessing: ImagePreprocessing): string {
  const { height, width, resize, filter, mean, deviation } = preprocessing;
  const size = resize && "shortest" in resize ? { shortest_edge: resize.shortest } : (resize ?? { height, width });
  const json = {
    do_resize: resize !== null,
    size,
    resample: filter === "bilinear" ? 2 : 3,
    do_center_crop: true,
    crop_size: { height, width },
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: mean,
    image_std: deviation,
    image_processor_type: "BitImageProcessor",
  };
  return `${JSON.stringify(json, null, 2)}\n`;
}
