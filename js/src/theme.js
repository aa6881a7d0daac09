/**
 * Whether the page around the notebook is dark; prefers-color-scheme follows the system, not the notebook.
 *
 * @param {Element} near
 */
export function isDark(near) {
  const { body, documentElement } = document;
  const lab = body.getAttribute("data-jp-theme-light");
  if (lab) return lab === "false";
  if (body.classList.contains("vscode-dark") || body.dataset.vscodeThemeKind?.includes("dark")) return true;
  if (documentElement.getAttribute("theme") === "dark") return true; // Colab
  for (let node = near.parentElement; node; node = node.parentElement) {
    const light = luminance(getComputedStyle(node).backgroundColor);
    if (light !== null) return light < 0.4;
  }
  return false;
}

/** @param {string} colour rgb() or rgba(); null for a transparent one */
function luminance(colour) {
  const [r, g, b, a = 1] = (colour.match(/[\d.]+/g) ?? []).map(Number);
  return b === undefined || a < 0.5 ? null : (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255;
}

/**
 * Keeps `data-theme` of the root "light" or "dark" as the page around it is.
 *
 * @param {HTMLElement} root
 * @param {AbortSignal} signal
 */
export function followTheme(root, signal) {
  const look = () => {
    const theme = isDark(root) ? "dark" : "light";
    if (root.dataset.theme !== theme) root.dataset.theme = theme;
  };
  look();
  const observer = new MutationObserver(look);
  for (const node of [document.body, document.documentElement]) observer.observe(node, { attributes: true });
  const frame = requestAnimationFrame(look); // by then the root is in the page
  signal.addEventListener("abort", () => {
    observer.disconnect();
    cancelAnimationFrame(frame);
  });
}
