const FRAMES = 300; // that the host may take to put the view into the page

/**
 * Hides the static HTML that stands for this view, and shows it again when the view ends.
 *
 * @param {HTMLElement} root
 * @param {string} id
 * @param {AbortSignal} signal
 */
export function replaceTwin(root, id, signal) {
  /** @type {HTMLElement | null} */
  let twin = null;
  let frames = 0;
  (function look() {
    if (signal.aborted || !id) return;
    twin = root.isConnected ? nearest(root, id) : null;
    if (twin) twin.hidden = true;
    else if (frames++ < FRAMES) requestAnimationFrame(look);
  })();
  signal.addEventListener("abort", () => {
    if (twin) twin.hidden = false;
  });
}

/** @param {HTMLElement} root @param {string} id @returns {HTMLElement | null} */
function nearest(root, id) {
  for (let node = root.parentElement; node; node = node.parentElement) {
    const twins = /** @type {NodeListOf<HTMLElement>} */ (node.querySelectorAll("[data-nbp-twin]"));
    const own = [...twins].find((twin) => twin.dataset.nbpTwin === id);
    if (own) return own;
  }
  return null;
}
