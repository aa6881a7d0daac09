/**
 * Keeps keys from the notebook, whose shortcuts would else add and delete cells. Those with Ctrl, Cmd or Alt go through.
 *
 * @param {HTMLElement} root
 */
export function containKeys(root) {
  root.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey || event.altKey)) event.stopPropagation();
  });
}

const STEPS = new Map([
  ["ArrowRight", 1],
  ["ArrowDown", 1],
  ["ArrowLeft", -1],
  ["ArrowUp", -1],
]);

/**
 * Makes a group of elements one stop of the Tab key: arrows, Home and End move between them.
 *
 * @param {HTMLElement} group
 * @param {string} selector of the elements; the group may change them, see `rove`
 */
export function roving(group, selector) {
  const all = () => /** @type {HTMLElement[]} */ ([...group.querySelectorAll(selector)]);
  group.addEventListener("keydown", (event) => {
    const items = all();
    const at = items.indexOf(/** @type {HTMLElement} */ (event.target));
    if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = STEPS.get(event.key);
    let to = step === undefined ? -1 : (at + step + items.length) % items.length;
    if (event.key === "Home") to = 0;
    if (event.key === "End") to = items.length - 1;
    if (to < 0) return;
    event.preventDefault();
    rove(items, items[to]);
    items[to].focus();
  });
  group.addEventListener("focusin", (event) => {
    const items = all();
    const target = /** @type {HTMLElement} */ (event.target);
    if (items.includes(target)) rove(items, target);
  });
  rove(all());
}

/**
 * Makes one of the elements the stop of the Tab key, and no other.
 *
 * @param {HTMLElement[]} items
 * @param {HTMLElement} [current]
 */
export function rove(items, current = items.find((item) => item.tabIndex === 0) ?? items[0]) {
  for (const item of items) item.tabIndex = item === current ? 0 : -1;
}

/**
 * Makes an element that is no button work like one.
 *
 * @param {HTMLElement} node
 * @param {() => void} press
 */
export function pressable(node, press) {
  node.addEventListener("click", press);
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    press();
  });
}
