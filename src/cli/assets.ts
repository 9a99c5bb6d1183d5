import { fileURLToPath } from "node:url";

/**
 * Path of a bundled asset. The assets lie two folders above this file in `src/cli` as in `dist/cli` and `dist/chunks`.
 */
export const assetPath = (path: string): string => fileURLToPath(new URL(`../../assets/${path}`, import.meta.url));
