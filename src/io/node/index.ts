export { cacheFolder, readTextIfAny, writeTextWithFolders } from "./cache.ts";
export { decodeImage, decodeImageFile } from "./decode-image.ts";
export { NodeDirectory } from "./directory.ts";
export { createFileSink, openFile, writeFileAtomically } from "./files.ts";
export { type NamedImage, readImageData, readImages, readImagesOf } from "./image-data.ts";
export { readImageFolder } from "./image-folder.ts";
export {
  downloadedModels,
  type ModelDirectoryOptions,
  type ModelPlace,
  modelDirectory,
  placeOfModel,
} from "./models.ts";
export { NodeStore } from "./store.ts";
