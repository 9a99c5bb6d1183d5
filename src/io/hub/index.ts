export { type HubDirectoryOptions, hubDirectory, isHubId } from "./hub.ts";
