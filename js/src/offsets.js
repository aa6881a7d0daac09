/**
 * Python counts code points, JavaScript counts UTF-16 units: gives the function that turns the former into the latter.
 *
 * @param {string} text
 * @returns {(codePoint: number) => number}
 */
export function offsets(text) {
  /** @type {number[]} units after which there is one more code point than… half a pair */
  const pairs = [];
  for (let unit = 0, point = 0; unit < text.length; unit++, point++) {
    if (/** @type {number} */ (text.codePointAt(unit)) > 0xffff) {
      pairs.push(point);
      unit++;
    }
  }
  return (codePoint) => codePoint + below(pairs, codePoint);
}

/**
 * How many of the sorted numbers are smaller.
 *
 * @param {number[]} sorted
 * @param {number} value
 */
function below(sorted, value) {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
