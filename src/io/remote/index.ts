export { type CacheOptions, cachedDirectory, type RemoteDirectory } from "./cached.ts";
export type { ByteProgress } from "./progress.ts";
export type { Appender, CacheStore } from "./store.ts";
export { shownUrl, TransferError, type TransferOptions, why } from "./transfer.ts";
export { type UrlDirectoryOptions, USUAL_FILES, urlDirectory, urlSource } from "./url.ts";
