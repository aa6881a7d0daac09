import { button } from "@nbpipes/kit/controls.js";
import { counted, h } from "@nbpipes/kit/dom.js";
import { duration } from "@nbpipes/kit/widget.js";
import { sparkline } from "./sparkline.js";

/**
 * How far a job is: what `Job.snapshot()` gives.
 *
 * @typedef {object} Job
 * @property {number} id
 * @property {string} task
 * @property {string} model
 * @property {"running" | "waiting" | "paused" | "stopping" | "done" | "stopped" | "failed"} state
 * @property {string} message
 * @property {string} sink
 * @property {number} done
 * @property {number | null} total
 * @property {number} skipped
 * @property {number} failed
 * @property {number} seconds
 * @property {number | null} left
 * @property {number} rate
 * @property {number[]} history
 * @property {{p50: number, p95: number}} latency
 * @property {number} chunks
 * @property {number | null} batch_size
 * @property {{size: number, why: string}[]} tuned
 * @property {number} queue
 * @property {number} memory
 * @property {{row: number, input: string, output: string}[]} last
 * @property {{index: number, stage: string, type: string, message: string}[]} errors
 */

/** @typedef {{job: Job}} Spec */

const OVER = ["done", "stopped", "failed"];

/** @type {import("@nbpipes/kit/widget.js").Draw<Spec>} */
export function draw(body, spec, context) {
  const command = (/** @type {string} */ name, /** @type {unknown} */ value = null) =>
    context.request("command", { name, value }).catch((error) => context.say(error.message));
  let paused = false;

  const title = h("strong", {});
  const state = h("span", { class: "nbp-state", role: "status" });
  const progress = h("progress", { "aria-label": "Rows done" });
  const counts = h("span", { class: "nbp-counts" });
  const hold = button("Pause", () => command(paused ? "resume" : "pause"));
  const stop = button("Stop", () => command("stop"));
  const retry = button("Retry failed", () => command("retry_failed"));
  const automatic = h("input", { type: "checkbox" });
  const size = h("input", { type: "number", min: 1, max: 4096, "aria-label": "Batch size" });
  // Until the job has heard of a change, its pictures still show what was before.
  let changing = 0;
  const resize = async (/** @type {number | "auto"} */ to) => {
    changing++;
    await command("set_batch_size", to);
    changing--;
  };
  automatic.addEventListener("change", () => {
    size.disabled = automatic.checked;
    void resize(automatic.checked ? "auto" : Math.max(Math.round(size.valueAsNumber) || 1, 1));
  });
  size.addEventListener("change", () => {
    if (size.valueAsNumber >= 1) void resize(Math.round(size.valueAsNumber));
  });
  const batch = h("span", { class: "nbp-batch" }, "batch ", size, h("label", {}, automatic, " automatic"));
  const curve = sparkline();
  const facts = h("span", { class: "nbp-facts" });
  const last = h("tbody", {});
  const lost = h("tbody", {});
  const failures = h("details", {}, h("summary", {}), table(["row", "stage", "error"], lost));
  const recent = h(
    "details",
    { open: true },
    h("summary", { class: "nbp-muted" }, "Last results"),
    table(["row", "input", "result"], last),
  );

  body.append(
    h("div", { class: "nbp-bar-top" }, title, state, h("span", { class: "nbp-keys" }, hold, stop, retry), batch),
    h("div", { class: "nbp-bar-top" }, progress, counts),
    h("div", { class: "nbp-bar-top" }, curve.node, facts),
    recent,
    failures,
  );

  /** @param {Spec} spec */
  function update({ job }) {
    const over = OVER.includes(job.state);
    paused = job.state === "paused";
    put(title, `Job ${job.id} · ${[job.task, job.model].filter((word) => word).join(" · ")}`);
    put(state, job.state);
    state.dataset.state = job.state;
    hold.hidden = over || job.state === "stopping";
    put(hold, paused ? "Resume" : "Pause");
    stop.hidden = over;
    stop.disabled = job.state === "stopping";
    retry.hidden = !over || job.failed === 0;
    batch.hidden = over;
    if (!changing) {
      automatic.checked = job.batch_size === null;
      size.disabled = job.batch_size === null;
      if (document.activeElement !== size)
        size.value = String(job.batch_size ?? job.tuned.at(-1)?.size ?? job.chunks ?? 1);
    }
    if (job.total) {
      progress.max = job.total;
      progress.value = Math.min(job.done, job.total);
    } else if (over) {
      progress.max = progress.value = 1;
    }
    put(counts, amounts(job));
    curve.show(job.history, `${job.rate.toLocaleString("en-US", { maximumSignificantDigits: 3 })} rows/s`);
    facts.replaceChildren(
      ...list(job).map(([name, value]) => h("span", {}, h("span", { class: "nbp-muted" }, `${name} `), value)),
    );
    last.replaceChildren(...[...job.last].reverse().map(({ row, input, output }) => line(row, input, output)));
    recent.hidden = job.last.length === 0;
    lost.replaceChildren(
      ...[...job.errors].reverse().map((one) => line(one.index, one.stage, `${one.type}: ${one.message}`)),
    );
    failures.hidden = job.failed === 0;
    put(/** @type {HTMLElement} */ (failures.firstElementChild), `${job.failed.toLocaleString("en")} failed`);
  }

  update(spec);
  return update;
}

/** Sets a text that has changed: a screen reader speaks whatever is set. @param {HTMLElement} node @param {string} text */
function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** @param {Job} job */
function amounts({ done, total, skipped, failed, seconds, left, state }) {
  const words = [total === null ? counted(done, "row") : `${done.toLocaleString("en")} of ${counted(total, "row")}`];
  if (skipped) words.push(`${skipped.toLocaleString("en")} were there already`);
  if (failed) words.push(`${failed.toLocaleString("en")} failed`);
  words.push(duration(seconds));
  if (left !== null && state === "running") words.push(`${duration(left)} left`);
  return words.join(" · ");
}

/** @param {Job} job @returns {[string, string][]} */
function list({ chunks, latency, tuned, queue, memory, sink, message }) {
  /** @type {[string, string][]} */
  const facts = [];
  if (chunks)
    facts.push([
      "batch",
      `${chunks.toLocaleString("en")} inputs in ${duration(latency.p50)}, p95 ${duration(latency.p95)}`,
    ]);
  if (tuned.length) facts.push(["why", tuned[tuned.length - 1].why]);
  if (queue) facts.push(["read ahead", counted(queue, "row")]);
  if (memory) facts.push(["memory", `${Math.round(memory / 2 ** 20).toLocaleString("en")} MB`]);
  if (sink) facts.push(["results in", sink]);
  if (message) facts.push(["note", message]);
  return facts;
}

/** @param {string[]} names @param {HTMLElement} rows */
function table(names, rows) {
  const head = h("thead", {}, h("tr", {}, ...names.map((name) => h("th", { scope: "col" }, name))));
  return h(
    "div",
    { class: "nbp-scroll nbp-log", tabindex: 0, role: "region", "aria-label": names[2] },
    h("table", { class: "nbp-table" }, head, rows),
  );
}

/** @param {number} row @param {string} first @param {string} second */
function line(row, first, second) {
  const cells = [first, second].map((text) => h("td", { dir: "auto" }, text));
  return h("tr", {}, h("td", { class: "nbp-number nbp-muted" }, row.toLocaleString("en")), ...cells);
}
