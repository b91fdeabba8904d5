// @ts-check
/**
 * Writes ZIP archives (PKWARE's APPNOTE 6.3) as a stream, without compression: each file passes through once, so its
 * checksum follows it in a data descriptor, and ZIP64 is used where a size or an offset needs it.
 */

/**
 * @typedef {object} ZipEntry
 * @property {string} name without folders
 * @property {number} size bytes, as announced; what really comes is what is recorded
 * @property {Date} modified
 * @property {() => Promise<ReadableStream<Uint8Array>>} open asked for when its turn comes
 */

const MAX_32 = 0xffffffff;
const MAX_16 = 0xffff;
// Sizes and checksum follow the data (bit 3); names are UTF-8 (bit 11).
const FLAGS = 0x0808;
const VERSION = 20;
const VERSION_ZIP64 = 45;

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit += 1) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
  return rest >>> 0;
});

/** @param {number} crc of what came before @param {Uint8Array} bytes @returns {number} of both */
export function crc32(crc, bytes) {
  let rest = ~crc;
  for (let index = 0; index < bytes.length; index += 1) rest = CRC_TABLE[(rest ^ bytes[index]) & 0xff] ^ (rest >>> 8);
  return ~rest >>> 0;
}

/**
 * @param {[bytes: 2 | 4 | 8, value: number][]} fields little endian
 * @param {...Uint8Array} rest
 * @returns {Uint8Array<ArrayBuffer>}
 */
function record(fields, ...rest) {
  const head = fields.reduce((sum, [bytes]) => sum + bytes, 0);
  const all = new Uint8Array(head + rest.reduce((sum, { length }) => sum + length, 0));
  const view = new DataView(all.buffer);
  let at = 0;
  for (const [bytes, value] of fields) {
    if (bytes === 2) view.setUint16(at, value, true);
    else if (bytes === 4) view.setUint32(at, value, true);
    else view.setBigUint64(at, BigInt(value), true);
    at += bytes;
  }
  for (const part of rest) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** @param {Date} date @returns {number} DOS time in the low half, DOS date in the high one; local, as programs read it */
function dosTime(date) {
  const year = Math.max(1980, date.getFullYear());
  const day = ((year - 1980) << 9) | ((date.getMonth() + 1) << 5) | date.getDate();
  return ((day << 16) | (date.getHours() << 11) | (date.getMinutes() << 5) | (date.getSeconds() >> 1)) >>> 0;
}

/**
 * @param {Iterable<ZipEntry>} entries whose names differ
 * @returns {AsyncGenerator<Uint8Array, void>} rejects with what `open` rejects with
 */
export async function* zip(entries) {
  const directory = [];
  let offset = 0;
  for (const entry of entries) {
    const name = new TextEncoder().encode(entry.name);
    const isLarge = entry.size >= MAX_32;
    const time = dosTime(entry.modified);
    const start = offset;
    const extra = isLarge ? record([[2, 1], [2, 16], [8, 0], [8, 0]]) : new Uint8Array();
    const header = record([[4, 0x04034b50], [2, isLarge ? VERSION_ZIP64 : VERSION], [2, FLAGS], [2, 0], [4, time], [4, 0],
      [4, isLarge ? MAX_32 : 0], [4, isLarge ? MAX_32 : 0], [2, name.length], [2, extra.length]], name, extra);
    yield header;
    offset += header.length;
    let crc = 0;
    let size = 0;
    const reader = (await entry.open()).getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      crc = crc32(crc, part.value);
      size += part.value.length;
      yield part.value;
    }
    const width = isLarge ? 8 : 4;
    const descriptor = record([[4, 0x08074b50], [4, crc], [width, size], [width, size]]);
    yield descriptor;
    offset += size + descriptor.length;
    directory.push(directoryEntry(name, time, crc, size, start));
  }
  yield* directory;
  yield endOf(directory, offset);
}

/**
 * @param {Uint8Array} name
 * @param {number} time
 * @param {number} crc
 * @param {number} size
 * @param {number} start of its local header
 */
function directoryEntry(name, time, crc, size, start) {
  const [isLarge, isFar] = [size >= MAX_32, start >= MAX_32];
  /** @type {[8, number][]} */
  const wide = [...(isLarge ? /** @type {[8, number][]} */ ([[8, size], [8, size]]) : []), ...(isFar ? /** @type {[8, number][]} */ ([[8, start]]) : [])];
  const extra = wide.length ? record([[2, 1], [2, wide.length * 8], ...wide]) : new Uint8Array();
  const version = wide.length ? VERSION_ZIP64 : VERSION;
  return record([[4, 0x02014b50], [2, version], [2, version], [2, FLAGS], [2, 0], [4, time], [4, crc],
    [4, isLarge ? MAX_32 : size], [4, isLarge ? MAX_32 : size], [2, name.length], [2, extra.length], [2, 0], [2, 0], [2, 0],
    [4, 0], [4, isFar ? MAX_32 : start]], name, extra);
}

/**
 * @param {Uint8Array[]} directory
 * @param {number} offset of its first entry
 */
function endOf(directory, offset) {
  const size = directory.reduce((sum, { length }) => sum + length, 0);
  const count = directory.length;
  const end = record([[4, 0x06054b50], [2, 0], [2, 0], [2, Math.min(count, MAX_16)], [2, Math.min(count, MAX_16)],
    [4, Math.min(size, MAX_32)], [4, Math.min(offset, MAX_32)], [2, 0]]);
  if (count < MAX_16 && size < MAX_32 && offset < MAX_32) return end;
  const end64 = record([[4, 0x06064b50], [8, 44], [2, VERSION_ZIP64], [2, VERSION_ZIP64], [4, 0], [4, 0], [8, count], [8, count],
    [8, size], [8, offset]]);
  return record([], end64, record([[4, 0x07064b50], [4, 0], [8, offset + size], [4, 1]]), end);
}
