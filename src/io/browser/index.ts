export {
  type ByteProgress,
  type CacheOptions,
  type CacheStore,
  cachedDirectory,
  type RemoteDirectory,
  TransferError,
  type TransferOptions,
  type UrlDirectoryOptions,
  urlDirectory,
  urlSource,
} from "../remote/index.ts";
export { decodeImage, IMAGE_TYPES } from "./decode-image.ts";
export {
  type DroppedFile,
  type DroppedModel,
  droppedFiles,
  droppedModel,
  type FileDrop,
} from "./dropped.ts";
export { OpfsDirectory } from "./opfs.ts";
export { type FileContents, saveFile, saveFiles, saveZip } from "./save.ts";
export { clearStored, listStored, requestPersistence, type StoredFolder, storageEstimate } from "./storage.ts";
export { zipFiles } from "./zip.ts";
