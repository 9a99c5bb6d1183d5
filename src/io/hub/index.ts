export { type HubDirectoryOptions, hubDirectory } from "./hub.ts";
