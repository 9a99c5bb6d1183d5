import { readFile } from "node:fs/promises";
import { fromInterleaved, type Image } from "../images/image.ts";

type Sharp = typeof import("sharp")["default"];

let loading: Promise<Sharp> | undefined;

/** The decoder, loaded when the first image is decoded. */
function loadSharp(): Promise<Sharp> {
  loading ??= import("sharp").then(
    (module) => module.default,
    (error: unknown) => {
      const { code, message } = error as NodeJS.ErrnoException;
      throw new Error(
        code === "ERR_MODULE_NOT_FOUND"
          ? 'PNG and JPEG are decoded by the package "sharp", which is not installed: npm install sharp'
          : `the package "sharp", which decodes PNG and JPEG, cannot be loaded: ${message.split("\n")[0]}`,
      );
    },
  );
  return loading;
}

/** Names of files that are taken as images. */
export const isImageFile = (name: string): boolean => /\.(png|jpe?g|webp)$/i.test(name);

/** Decodes a file as {@link decodeImage} does its contents. @throws naming the file also when it is missing. */
export async function decodeImageFile(path: string): Promise<Image> {
  await loadSharp();
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new Error(code === "ENOENT" ? `${path}: no such file` : `${path}: ${message}`);
  }
  return decodeImage(bytes, path);
}

/**
 * Decodes the contents of a PNG, JPEG or WebP file to 8-bit grey or colour: upright as its EXIF orientation says, without
 * alpha, pixel values as they are stored whatever the colour profile, as Pillow gives them.
 *
 * @param name what errors call it
 * @throws naming the image when it is broken, cut short or none.
 */
export async function decodeImage(bytes: Uint8Array, name: string): Promise<Image> {
  const sharp = await loadSharp();
  try {
    const decoder = sharp(bytes, { ignoreIcc: true }).autoOrient().removeAlpha();
    const { isGrey } = await sharp(bytes)
      .metadata()
      .then(({ channels = 3, space }) => ({ isGrey: channels <= 2 || space === "b-w" || space === "grey16" }));
    const { data, info } = await decoder
      .toColourspace(isGrey ? "b-w" : "srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    return fromInterleaved(info.channels, info.height, info.width, data);
  } catch (error) {
    const why = (error as Error).message.split("\n")[0];
    const hint = /unsupported image format/i.test(why) ? "; expected a PNG, JPEG or WebP file" : "";
    throw new Error(`${name}: cannot be decoded as an image: ${why}${hint}`);
  }
}
