import { requireObject } from "../../tensor/require-kind.ts";
import type { FloatImage } from "./augment.ts";
import { type Image, requireImage, toChannels } from "./image.ts";
import { type ResizeFilter, resize } from "./resize.ts";

/** How an image becomes a model's input: channels, size, the middle, then (x/255 - mean) / deviation by channel. */
export interface ImagePreprocessing {
  readonly channels: number;
  /** Of what the model gets. */
  readonly height: number;
  readonly width: number;
  /** To a height and a width, or so that the shorter side has a length; null to leave the size. */
  readonly resize: { readonly height: number; readonly width: number } | { readonly shortest: number } | null;
  readonly filter: ResizeFilter;
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

/** What is assumed of a model that says nothing: ImageNet's mean and deviation of colours, the whole range of grey. */
const IMAGENET_MEAN = [0.485, 0.456, 0.406];
const IMAGENET_DEVIATION = [0.229, 0.224, 0.225];

/** Preprocessing for a size alone: the shorter side is brought to it, and the middle taken. */
export function defaultPreprocessing(channels: number, height: number, width: number): ImagePreprocessing {
  const isColor = channels === 3;
  return {
    channels,
    height,
    width,
    resize: { shortest: Math.max(height, width) },
    filter: "bilinear",
    mean: isColor ? IMAGENET_MEAN : new Array<number>(channels).fill(0.5),
    deviation: isColor ? IMAGENET_DEVIATION : new Array<number>(channels).fill(0.5),
  };
}

/** Channels and size brought to what the model takes; what is left is to take the middle of it. */
export function fitImage(image: Image, preprocessing: ImagePreprocessing): Image {
  requireImage("fitImage", image);
  requireObject("fitImage", preprocessing, "the model's preprocessing");
  const { channels, resize: how, filter } = preprocessing;
  const converted = toChannels(image, channels);
  if (!how) return converted;
  if (!("shortest" in how)) return resize(converted, how.height, how.width, filter);
  // The longer side is cut down to whole pixels, as transformers does.
  const { height, width } = image;
  const longer = Math.trunc((how.shortest * Math.max(height, width)) / Math.min(height, width));
  return height <= width
    ? resize(converted, how.shortest, longer, filter)
    : resize(converted, longer, how.shortest, filter);
}

/** Values from 0 to 1. */
export function toFloat(image: Image): FloatImage {
  return { ...image, data: Float32Array.from(image.data, (value) => value / 255) };
}

/** Writes (x - mean) / deviation of an image into a batch's pixels from a place on. */
export function normalizeInto(
  pixels: Float32Array,
  begin: number,
  { channels, height, width, data }: FloatImage,
  { mean, deviation }: ImagePreprocessing,
): void {
  const plane = height * width;
  for (let channel = 0; channel < channels; channel++) {
    for (let i = channel * plane; i < (channel + 1) * plane; i++) {
      pixels[begin + i] = (data[i] - mean[channel]) / deviation[channel];
    }
  }
}

/** The same for another input size; what surrounds the middle keeps its share. */
export function withImageSize(preprocessing: ImagePreprocessing, size: number): ImagePreprocessing {
  const { resize: how, height, width } = preprocessing;
  const scaled = (length: number): number => Math.round((length * size) / Math.min(height, width));
  const square = { height: size, width: size };
  if (!how) return { ...preprocessing, ...square, resize: square };
  const resized =
    "shortest" in how ? { shortest: scaled(how.shortest) } : { height: scaled(how.height), width: scaled(how.width) };
  return { ...preprocessing, ...square, resize: resized };
}
