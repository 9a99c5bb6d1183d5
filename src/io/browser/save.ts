import { describeKind, requireObject } from "../../tensor/require-kind.ts";
import type { ByteSink } from "../byte-source.ts";
import { BlobSink } from "../byte-source.ts";
import { zipFiles } from "./zip.ts";

/** Contents of a file to be saved: a Blob, or what writes them. */
export type FileContents = Blob | ((sink: ByteSink) => Promise<void>);

/**
 * Hands the user a file as a download. Without a user's gesture behind it a browser may ask first.
 * @throws Error outside a page.
 */
export async function saveFile(name: string, contents: FileContents): Promise<void> {
  if (typeof document === "undefined") {
    throw new Error(`saveFile: ${name} can only be downloaded by a page; send it there from a worker`);
  }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(contents instanceof Blob ? contents : await blobOf(name, contents));
  link.download = name;
  link.hidden = true;
  document.body.append(link);
  link.click();
  link.remove();
  // The browser reads the Blob after this; a minute is ample for it to have begun.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Hands the user files as one download each. */
export async function saveFiles(files: Readonly<Record<string, Blob>>): Promise<void> {
  requireObject("saveFiles", files, "files as { name: Blob }");
  for (const [name, contents] of Object.entries(files)) {
    await saveFile(name, contents);
    await new Promise((resolve) => setTimeout(resolve, 200)); // browsers drop downloads that come all at once
  }
}

/** Hands the user files as one `.zip`, in a folder of the archive's name. */
export async function saveZip(name: string, files: Readonly<Record<string, Blob>>): Promise<void> {
  if (typeof name !== "string") throw new TypeError(`saveZip: expected a name and files, got ${describeKind(name)}`);
  requireObject("saveZip", files, "files as { name: Blob }");
  const folder = name.replace(/\.zip$/, "");
  const placed = Object.fromEntries(Object.entries(files).map(([file, contents]) => [`${folder}/${file}`, contents]));
  await saveFile(`${folder}.zip`, await zipFiles(placed));
}

async function blobOf(name: string, write: (sink: ByteSink) => Promise<void>): Promise<Blob> {
  let blob: Blob | undefined;
  await write(new BlobSink(name, (made) => (blob = made)));
  if (!blob) throw new Error(`saveFile: ${name} was not written to its end`);
  return blob;
}
