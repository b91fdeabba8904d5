// @ts-check

const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB"];

/**
 * @param {number} bytes
 * @returns {string} in binary units, as the stack's limits are, such as "4.2 MiB" with a no-break space
 */
export function sizeText(bytes) {
  let value = bytes;
  let unit = 0;
  while (value >= 1023.5 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  if (unit === 0) return value === 1 ? "1\xa0byte" : `${value}\xa0bytes`;
  return `${value < 9.95 ? Number(value.toFixed(1)) : Math.round(value)}\xa0${UNITS[unit]}`;
}
