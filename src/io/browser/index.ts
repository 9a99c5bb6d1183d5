export { type CacheOptions, cachedDirectory, type RemoteDirectory } from "./cached.ts";
export { decodeImage, IMAGE_TYPES } from "./decode-image.ts";
export {
  type DroppedFile,
  type DroppedModel,
  droppedFiles,
  droppedModel,
  type FileDrop,
} from "./dropped.ts";
export { OpfsDirectory } from "./opfs.ts";
export type { ByteProgress } from "./progress.ts";
export { type FileContents, saveFile, saveFiles, saveZip } from "./save.ts";
export { clearStored, listStored, requestPersistence, type StoredFolder, storageEstimate } from "./storage.ts";
export { TransferError, type TransferOptions } from "./transfer.ts";
export { type UrlDirectoryOptions, urlDirectory, urlSource } from "./url.ts";
export { zipFiles } from "./zip.ts";
