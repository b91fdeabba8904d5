// @ts-check

const UNITS = ["bytes", "kB", "MB", "GB", "TB"];

/**
 * @param {number} bytes
 * @returns {string} in decimal units, such as "4.2 MB"
 */
export function sizeText(bytes) {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  if (unit === 0) return value === 1 ? "1 byte" : `${value} bytes`;
  return `${value < 9.95 ? Number(value.toFixed(1)) : Math.round(value)} ${UNITS[unit]}`;
}

/**
 * @param {number} bytes
 * @returns {string} a limit, exactly where it is a round binary number, such as "1 GiB"
 */
export function limitText(bytes) {
  for (const [unit, factor] of /** @type {const} */ ([["GiB", 2 ** 30], ["MiB", 2 ** 20]])) {
    if (bytes && bytes % factor === 0) return `${bytes / factor} ${unit}`;
  }
  return sizeText(bytes);
}
