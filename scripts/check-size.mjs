// Measures the library in a page and compares it with its limits; exits with 1 when one is passed.
import {
  byFolder,
  CORE,
  ENGINE,
  kilobytes,
  measureCore,
  measureEngine,
  measurePrograms,
  PROGRAMS,
} from "./build/sizes.mjs";

const [core, engine, programs] = await Promise.all([measureCore(), measureEngine(), measurePrograms(PROGRAMS)]);
const limits = [CORE, ENGINE, ...PROGRAMS].map(({ limit }) => limit);
const rows = [core, engine, ...programs].map((measured, i) => ({ ...measured, limit: limits[i] }));
console.log("Kilobytes, minified; by brotli; and by gzip -9, of what it may have:\n");
for (const { name, bytes, brotli, compressed, limit } of rows) {
  const verdict = compressed <= limit * 1000 ? `of ${limit}` : `MORE THAN ${limit}`;
  const sizes = [bytes, brotli].map((size) => kilobytes(size).padStart(7)).join("");
  console.log(`${sizes}  ${kilobytes(compressed).padStart(6)} ${verdict}  ${name}`);
}
console.log("\nThe engine by folder, minified:\n");
for (const [folder, bytes] of byFolder(engine.modules)) console.log(`${kilobytes(bytes).padStart(7)}  ${folder}`);
if (rows.some(({ compressed, limit }) => compressed > limit * 1000)) process.exitCode = 1;
