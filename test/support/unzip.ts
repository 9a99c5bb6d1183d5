/** Files of a zip archive whose entries are stored uncompressed, by path; every header is checked against its twin. */
export function unzip(archive: Uint8Array): Record<string, Uint8Array> {
  const view = new DataView(archive.buffer, archive.byteOffset, archive.byteLength);
  const u16 = (at: number) => view.getUint16(at, true);
  const u32 = (at: number) => view.getUint32(at, true);
  const end = archive.length - 22;
  expectSignature(u32(end), 0x06054b50, end);
  const files: Record<string, Uint8Array> = {};
  let at = u32(end + 16);
  for (let entry = 0; entry < u16(end + 10); entry++) {
    expectSignature(u32(at), 0x02014b50, at);
    const [crc, packed, size, nameLength, offset] = [
      u32(at + 16),
      u32(at + 20),
      u32(at + 24),
      u16(at + 28),
      u32(at + 42),
    ];
    if (u16(at + 10) !== 0 || packed !== size) throw new Error(`entry ${entry} is compressed`);
    expectSignature(u32(offset), 0x04034b50, offset);
    const name = new TextDecoder().decode(archive.subarray(at + 46, at + 46 + nameLength));
    const twin = new TextDecoder().decode(archive.subarray(offset + 30, offset + 30 + u16(offset + 26)));
    if (twin !== name || u32(offset + 14) !== crc || u32(offset + 22) !== size)
      throw new Error(`${name}: headers differ`);
    const begin = offset + 30 + u16(offset + 26) + u16(offset + 28);
    files[name] = archive.slice(begin, begin + size);
    if (crc32(files[name]) !== crc) throw new Error(`${name}: the checksum differs`);
    at += 46 + nameLength + u16(at + 30) + u16(at + 32);
  }
  return files;
}

function expectSignature(found: number, expected: number, at: number): void {
  if (found !== expected)
    throw new Error(`byte ${at}: signature ${found.toString(16)}, expected ${expected.toString(16)}`);
}

/** Bit by bit, as the polynomial is defined. */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
