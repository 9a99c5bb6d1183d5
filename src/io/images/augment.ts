/** Pixels with values from 0 to 1, planar: row-major [channels, height, width]. */
export interface FloatImage {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly data: Float32Array;
}

/** Luminance of a pixel, as torchvision weighs it: 0.2989·R + 0.587·G + 0.114·B; grey as it is. */
function luminance({ channels, height, width, data }: FloatImage, pixel: number): number {
  const plane = height * width;
  return channels === 3
    ? 0.2989 * data[pixel] + 0.587 * data[plane + pixel] + 0.114 * data[2 * plane + pixel]
    : data[pixel];
}

/** clamp(factor·x + (1 - factor)·other, 0, 1) */
const blend = (x: number, other: number, factor: number): number =>
  Math.min(1, Math.max(0, factor * x + (1 - factor) * other));

/** clamp(factor · x): 0 gives black, 1 the image itself. As torchvision's `adjust_brightness`. */
export function adjustBrightness(image: FloatImage, factor: number): FloatImage {
  return { ...image, data: image.data.map((x) => blend(x, 0, factor)) };
}

/** Blends with the mean luminance: 0 gives plain grey, 1 the image itself. As torchvision's `adjust_contrast`. */
export function adjustContrast(image: FloatImage, factor: number): FloatImage {
  const plane = image.height * image.width;
  let sum = 0;
  for (let pixel = 0; pixel < plane; pixel++) sum += luminance(image, pixel);
  const mean = sum / plane;
  return { ...image, data: image.data.map((x) => blend(x, mean, factor)) };
}

/**
 * Blends each pixel with its luminance: 0 gives a grey image, 1 the image itself; what is grey stays as it is. As
 * torchvision's `adjust_saturation`.
 */
export function adjustSaturation(image: FloatImage, factor: number): FloatImage {
  if (image.channels !== 3) return image;
  const plane = image.height * image.width;
  return { ...image, data: image.data.map((x, i) => blend(x, luminance(image, i % plane), factor)) };
}
