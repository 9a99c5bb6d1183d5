export { NodeDirectory } from "./directory.ts";
export { createFileSink, openFile, writeFileAtomically } from "./files.ts";
