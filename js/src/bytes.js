/** @typedef {DataView | ArrayBuffer | Uint8Array} Data bytes as they come from Python */

/** @param {Data} data @returns {Uint8Array<ArrayBuffer>} */
export function bytes(data) {
  const array = data instanceof ArrayBuffer ? new Uint8Array(data) : data;
  const buffer = /** @type {ArrayBuffer} */ (array.buffer);
  return new Uint8Array(buffer, array.byteOffset, array.byteLength);
}

/**
 * The address of bytes, until the view ends.
 *
 * @param {Data} data
 * @param {string} type
 * @param {AbortSignal} signal
 */
export function address(data, type, signal) {
  const url = URL.createObjectURL(new Blob([bytes(data)], { type }));
  signal.addEventListener("abort", () => URL.revokeObjectURL(url), { once: true });
  return url;
}

/**
 * What zlib has packed.
 *
 * @param {Data} data
 * @returns {Promise<ArrayBuffer>}
 */
export function unpacked(data) {
  const stream = new Response(bytes(data)).body?.pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}
