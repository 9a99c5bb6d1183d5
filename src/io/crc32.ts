/**
 * Remainders of the CRC-32 polynomial 0xEDB88320: table k is of a byte with k bytes behind it, so that eight bytes go at
 * a time.
 */
const CRC_TABLES: readonly Uint32Array[] = /* @__PURE__ */ makeCrcTables();

function makeCrcTables(): Uint32Array[] {
  const first = Uint32Array.from({ length: 256 }, (_, byte) => {
    let rest = byte;
    for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
    return rest;
  });
  const tables = [first];
  for (let k = 1; k < 8; k++) tables.push(tables[k - 1].map((rest) => first[rest & 0xff] ^ (rest >>> 8)));
  return tables;
}

/** The checksum of zip archives and PNG files. */
export const crc32 = (bytes: Uint8Array): number => ~addToCrc(bytes, 0xffffffff) >>> 0;

/** Goes on with a checksum, which begins at 0xffffffff and is inverted in the end. */
export function addToCrc(bytes: Uint8Array, begin: number): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = CRC_TABLES;
  let crc = begin;
  let i = 0;
  for (; i + 8 <= bytes.length; i += 8) {
    crc ^= bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24);
    crc =
      t7[crc & 0xff] ^
      t6[(crc >>> 8) & 0xff] ^
      t5[(crc >>> 16) & 0xff] ^
      t4[crc >>> 24] ^
      t3[bytes[i + 4]] ^
      t2[bytes[i + 5]] ^
      t1[bytes[i + 6]] ^
      t0[bytes[i + 7]];
  }
  for (; i < bytes.length; i++) crc = t0[(crc ^ bytes[i]) & 0xff] ^ (crc >>> 8);
  return crc;
}
