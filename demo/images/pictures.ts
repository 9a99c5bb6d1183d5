import { sortLabels } from "../../src/io/index.ts";
import type { DataSource, LabelledImage } from "../../src/jobs/index.ts";

/** One picture of a class: a file as it was dropped, or a drawing as PNG. */
export interface Picture {
  readonly id: number;
  readonly file: Blob;
  /** Of a file its own; what a drawing is called. */
  readonly name: string;
  /** To be shown; given back when the picture goes. */
  readonly url: string;
}

export interface PictureClass {
  readonly id: number;
  readonly name: string;
  readonly pictures: readonly Picture[];
}

let count = 0;
export const nextId = (): number => ++count;

export function makePicture(file: Blob, name: string): Picture {
  return { id: nextId(), file, name, url: URL.createObjectURL(file) };
}

/** A class as a sentence calls it. */
export const calledIn = ({ name }: Pick<PictureClass, "name">): string => name.trim() || "a class without a name";

export const forgetPicture = ({ url }: Picture): void => URL.revokeObjectURL(url);

/** Classes that the run would learn: those with pictures. */
const used = (classes: readonly PictureClass[]): PictureClass[] =>
  classes.filter(({ pictures }) => pictures.length > 0);

/** What is still missing before training, in a sentence; null when nothing is. */
export function missingIn(classes: readonly PictureClass[]): string | null {
  const wrong = classes.map(({ name }) => wrongName(name)).find((problem) => problem !== null);
  if (wrong) return wrong;
  const names = classes.map(({ name }) => name.trim());
  const folders = names.map(folderKey);
  const again = folders.findIndex((folder, i) => folders.indexOf(folder) !== i);
  if (again >= 0) {
    const [first, second] = [names[folders.indexOf(folders[again])], names[again]];
    return first === second
      ? `Two classes are called ${first}; give each a name of its own.`
      : `${first} and ${second} would be one folder on some systems; give each a name of its own.`;
  }
  const whole = used(classes);
  if (whole.length < 2) return "Two classes with pictures are the least.";
  const few = whole.find(({ pictures }) => pictures.length < 2);
  return few ? `${few.name} has one picture; two are the least, as some are kept aside.` : null;
}

/** What is wrong with a class's name, which becomes a folder's; null when nothing is. */
function wrongName(name: string): string | null {
  const own = name.trim();
  if (own === "") return "Give every class a name.";
  if (/[\\/:*?"<>|]|\p{Cc}/u.test(own)) return `"${own}" cannot be the name of a folder; leave out \\ / : * ? " < > |.`;
  if (/^\.|\.$/.test(own)) return `"${own}" cannot be the name of a folder: it begins or ends with a dot.`;
  if (/^(con|prn|aux|nul|(com|lpt)\d)(\.|$)/i.test(own))
    return `"${own}" is no name for a folder on Windows; take another.`;
  return null;
}

/** What two names of one folder have in common where capitals and ways of writing accents make no difference. */
const folderKey = (name: string): string => name.normalize("NFC").toLowerCase();

/** The name of the folder of pictures. */
export const FOLDER = "pictures";

/**
 * The pictures by their paths in a folder as `graft finetune` reads it, `circle/0003-drawing.png`. Sorted as Node sorts
 * them, so that the run there meets them in the same order.
 */
export function picturePaths(classes: readonly PictureClass[]): { path: string; label: string; file: Blob }[] {
  const whole = used(classes);
  const byName = new Map(whole.map((one) => [one.name.trim(), one]));
  return sortLabels(byName.keys()).flatMap((label) => {
    const files = byName.get(label)!.pictures.map(({ id, name, file }) => ({
      path: `${label}/${String(id).padStart(4, "0")}-${safeName(name)}`,
      label,
      file,
    }));
    return files.sort((a, b) => (a.path < b.path ? -1 : 1));
  });
}

/** A file's name without what other systems stumble over, ending as Node takes it for an image's. */
function safeName(name: string): string {
  const plain = name.replace(/[^\w.-]+/g, "-").replace(/^[.-]+/, "") || "picture";
  return /\.(png|jpe?g|webp)$/i.test(plain) ? plain : `${plain}.png`;
}

/** Files of a folder by the folder that each lies in, `photos/cat/1.png` being one of `cat`. @throws where one lies in none. */
export function byFolder<T extends { readonly path: string }>(files: readonly T[]): Map<string, T[]> {
  const folders = new Map<string, T[]>();
  for (const file of files) {
    const label = file.path.split("/").at(-2);
    if (label === undefined) {
      throw new Error(
        `${file.path} lies in no folder; expected a folder for each class, such as cat/1.png and dog/2.png`,
      );
    }
    folders.set(label, [...(folders.get(label) ?? []), file]);
  }
  return folders;
}

/** The classes of pictures that a run was given, under the names that they have there. */
export function classesOf(images: readonly LabelledImage[]): PictureClass[] {
  const byLabel = new Map<string, Picture[]>();
  for (const { label, image, name = "" } of images) {
    if (!(image instanceof Blob)) continue;
    const [, number, file] = /(\d{4,})-([^/]*)$/.exec(name) ?? [];
    const id = number === undefined ? nextId() : Number(number);
    // Numbers that are given later must not be these.
    count = Math.max(count, id);
    const picture = { id, file: image, name: file ?? name, url: URL.createObjectURL(image) };
    byLabel.set(label, [...(byLabel.get(label) ?? []), picture]);
  }
  return [...byLabel].map(([label, pictures]) => ({ id: nextId(), name: label, pictures }));
}

/** The pictures as the session takes them. */
export function pictureData(classes: readonly PictureClass[]): DataSource {
  const images = picturePaths(classes).map(
    ({ path, label, file }): LabelledImage => ({ label, image: file, name: path }),
  );
  return { kind: "images", name: FOLDER, images };
}
