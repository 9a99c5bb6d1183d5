import { MemoryDirectory, type ModelDirectory } from "../directory.ts";
import { INDEX_FILE, SINGLE_FILE } from "../safetensors/sharded.ts";

/** A file that was dropped or picked, with its path from the folder it was taken with. */
export interface DroppedFile {
  /** `gpt2/config.json`, or a plain name. */
  readonly path: string;
  readonly file: File;
}

/** What a drop, `<input type="file">` or `<input webkitdirectory>` gives. */
export type FileDrop = DataTransfer | FileList | readonly File[] | null;

/**
 * Every file of a drop, those in folders included, sorted by path; hidden ones are left out. Call it in the event's
 * handler itself: a drop is empty once that has returned.
 */
export async function droppedFiles(drop: FileDrop): Promise<DroppedFile[]> {
  const found: DroppedFile[] = [];
  const add = (path: string, file: File) => {
    const isHidden = path.split("/").some((part) => part.startsWith(".") || part === "__MACOSX");
    if (!isHidden) found.push({ path, file });
  };
  if (!drop) return found; // an event without data
  if ("items" in drop && typeof drop.items === "object" && drop.items.length > 0) {
    // All entries are taken before anything is waited for.
    const entries = [...drop.items]
      .filter(({ kind }) => kind === "file")
      .map((item) => ({ entry: item.webkitGetAsEntry?.(), file: item.getAsFile() }));
    for (const { entry, file } of entries) {
      if (entry) await visit(entry, add);
      else if (file) add(file.name, file);
    }
  } else {
    const files = "files" in drop ? (drop as DataTransfer).files : (drop as FileList | readonly File[]);
    for (const file of Array.from(files)) add(file.webkitRelativePath || file.name, file);
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}

async function visit(entry: FileSystemEntry, add: (path: string, file: File) => void): Promise<void> {
  const path = entry.fullPath.replace(/^\//, "") || entry.name;
  if (entry.isFile) {
    add(path, await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject)));
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  while (true) {
    // A browser gives a hundred at a time.
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return;
    for (const one of some) await visit(one, add);
  }
}

/** A model among dropped files. */
export interface DroppedModel {
  /** Name of its folder, or of its weights where there was no folder. */
  readonly name: string;
  /** Its files by name, as a message to a worker carries them. */
  readonly files: Readonly<Record<string, File>>;
  /** The same as a directory that reads them by range. */
  readonly directory: ModelDirectory;
}

/**
 * The model in a drop: the folder with a `config.json`, and its weights. A lone safetensors file of another name
 * counts as `model.safetensors`.
 *
 * @throws Error that says what is missing and where it can be found.
 */
export async function droppedModel(drop: FileDrop | readonly DroppedFile[]): Promise<DroppedModel> {
  const isRead = Array.isArray(drop) && drop.length > 0 && "file" in drop[0];
  return modelOf(isRead ? (drop as DroppedFile[]) : await droppedFiles(drop as FileDrop));
}

function modelOf(dropped: readonly DroppedFile[]): DroppedModel {
  if (dropped.length === 0) throw new Error("There are no files in what was dropped.");
  const configs = dropped.filter(({ path }) => baseOf(path) === "config.json");
  if (configs.length === 0) throw withoutConfig(dropped);
  const depth = Math.min(...configs.map(({ path }) => path.split("/").length));
  const [config, other] = configs.filter(({ path }) => path.split("/").length === depth);
  if (other) {
    throw new Error(
      `There are several models: ${folderOf(config.path)} and ${folderOf(other.path)}. Drop one of them.`,
    );
  }
  const folder = folderOf(config.path);
  const files: Record<string, File> = {};
  for (const { path, file } of dropped) if (folderOf(path) === folder) files[baseOf(path)] = file;
  const weights = Object.keys(files).find((file) => file.endsWith(".safetensors"));
  const name = baseOf(folder) || weights?.replace(/\.safetensors$/, "") || "model";
  nameWeights(folder, files);
  return { name, files, directory: new MemoryDirectory(name, files) };
}

/** Sees that there are weights, under the name by which they are looked for. */
function nameWeights(folder: string, files: Record<string, File>): void {
  if (SINGLE_FILE in files || INDEX_FILE in files) return;
  const where = folder ? `The folder ${folder}` : "The drop";
  const weights = Object.keys(files).filter((file) => file.endsWith(".safetensors"));
  if (weights.length > 1) {
    throw new Error(
      `${where} has ${weights.length} safetensors files (${weights.slice(0, 3).join(", ")}${weights.length > 3 ? ", …" : ""}) but no ${INDEX_FILE}, which says what is in which. Add it, or drop the one file that is the model.`,
    );
  }
  if (weights.length === 0) {
    const pickle = Object.keys(files).find((file) => /\.(bin|pt|pth|ckpt|h5|msgpack)$/.test(file));
    throw new Error(
      pickle
        ? `${where} has its weights in ${pickle}, a format that can run code when it is read. Save them as safetensors first, in Python: model.save_pretrained(folder).`
        : `${where} has a config.json but no weights: model.safetensors is missing.`,
    );
  }
  const [only] = weights;
  files[SINGLE_FILE] = files[only];
  delete files[only];
}

function withoutConfig(dropped: readonly DroppedFile[]): Error {
  const names = dropped.map(({ path }) => baseOf(path));
  const weights = names.find((name) => name.endsWith(".safetensors"));
  if (weights) {
    return new Error(
      `${weights} has the weights, but not what kind of model they belong to. Drop config.json together with it, and for a model of texts tokenizer.json, or vocab.json and merges.txt; or drop the whole folder.`,
    );
  }
  const archive = names.find((name) => /\.(zip|tar|gz|tgz|7z)$/i.test(name));
  if (archive)
    return new Error(`${archive} is an archive. Unpack it, and drop the folder with config.json that is in it.`);
  const pickle = names.find((name) => /\.(bin|pt|pth|ckpt)$/i.test(name));
  if (pickle) {
    return new Error(
      `${pickle} is in a format that can run code when it is read. Save the model as safetensors first, in Python: model.save_pretrained(folder).`,
    );
  }
  const seen = names.slice(0, 3).join(", ") + (names.length > 3 ? `, … (${names.length} files)` : "");
  return new Error(`This is no model: there is no config.json and no .safetensors file, only ${seen}.`);
}

const baseOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1);
const folderOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf("/")));
