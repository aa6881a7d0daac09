import { frameCode, separated } from "@nbpipes/kit/actions.js";
import { h } from "@nbpipes/kit/dom.js";
import { containKeys, roving } from "@nbpipes/kit/keys.js";
import { connect } from "@nbpipes/kit/link.js";
import { number, probabilities, share } from "@nbpipes/kit/numbers.js";
import { offsets } from "@nbpipes/kit/offsets.js";
import { colours, heat } from "@nbpipes/kit/palette.js";
import { isDark } from "@nbpipes/kit/theme.js";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { press } from "./harness.js";

describe("offsets", () => {
  const pieces = ["a", "é", "e\u0301", "👩🏽‍💻", "ع", "\n", "𝕏", "漢", "🏳️‍🌈", " "];

  it("count what Python counts, in any text", () => {
    for (let seed = 1; seed < 400; seed++) {
      const text = Array.from({ length: seed % 23 }, (_, i) => pieces[(seed * (i + 7) * 31) % pieces.length]).join("");
      const points = Array.from(text);
      const unit = offsets(text);
      for (let start = 0; start <= points.length; start++) {
        const end = Math.min(start + (seed % 5), points.length);
        expect(text.slice(unit(start), unit(end))).toBe(points.slice(start, end).join(""));
      }
    }
  });

  it("are quick for long texts", () => {
    const unit = offsets("a👍".repeat(100_000));
    expect(unit(200_000)).toBe(300_000);
  });
});

describe("numbers", () => {
  it("are written as in the static HTML", () => {
    expect([0.99999, 1, 0.00001, 0, 0.5, -0.25].map((value) => number(value))).toEqual([
      "0.9999",
      "1.0000",
      "<0.0001",
      "0.0000",
      "0.5000",
      "-0.2500",
    ]);
    expect(number(null)).toBe("");
  });

  it("fill a bar no further than its end", () => {
    expect([share(2), share(-1), share(Number.NaN), share(0.4)]).toEqual([1, 0, 0, 0.4]);
  });

  it("are probabilities or not", () => {
    expect([probabilities([0, 1]), probabilities([0.1, 1.2]), probabilities([]), probabilities([null])]).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });
});

describe("colours", () => {
  it("are the same for the same labels, in any order", () => {
    expect(colours(["b", "a"])).toEqual(colours(["a", "b", "a"]));
    expect(colours(["PER", "LOC"]).get("LOC")?.fill).toBe("#77AADD");
  });

  it("sort by code points, as Python does", () => {
    expect([...colours(["\u{1F600}", "\uFFFD"]).keys()]).toEqual(["\uFFFD", "\u{1F600}"]);
  });

  it("tell a positive number from a negative one", () => {
    expect([heat(0), heat(1), heat(-1)]).toEqual(["rgb(247,249,252)", "rgb(119,170,221)", "rgb(238,136,102)"]);
  });
});

describe("elements", () => {
  it("hold texts, never markup", () => {
    const node = h("div", { title: "<b>" }, "<img src=x>", 0, null, false, "");
    expect(node.innerHTML).toBe("&lt;img src=x&gt;0");
    expect(node.children.length).toBe(0);
  });
});

describe("tables", () => {
  it("are quoted where they have to be", () => {
    expect(
      separated(
        [
          ["a", 'b"c'],
          ["x,y", null],
          [-1, "two\nlines"],
        ],
        ",",
      ),
    ).toBe('a,"b""c"\r\n"x,y",\r\n-1,"two\nlines"');
  });

  it("hold no formulas", () => {
    expect(separated([["=1+1", "@x", -2]], "\t")).toBe("'=1+1\t'@x\t-2");
  });

  it("become code", () => {
    expect(
      frameCode([
        ["label", "score"],
        ['a"b', null],
      ]),
    ).toContain('["a\\"b", None]');
  });
});

describe("keys", () => {
  it("stay in the view unless they are combined", () => {
    const outer = document.body.appendChild(h("div", {}));
    const inner = outer.appendChild(h("div", {}));
    const heard = vi.fn();
    outer.addEventListener("keydown", heard);
    containKeys(inner);
    press(inner, "b");
    expect(heard).not.toHaveBeenCalled();
    inner.dispatchEvent(new KeyboardEvent("keydown", { key: "s", ctrlKey: true, bubbles: true }));
    expect(heard).toHaveBeenCalledOnce();
  });

  it("move within a group that has one stop", () => {
    const group = document.body.appendChild(h("div", {}, ...["a", "b", "c"].map((name) => h("button", {}, name))));
    const items = /** @type {HTMLElement[]} */ ([...group.children]);
    roving(group, "button");
    expect(items.map(({ tabIndex }) => tabIndex)).toEqual([0, -1, -1]);
    items[0].focus();
    press(items[0], "ArrowLeft");
    expect(document.activeElement).toBe(items[2]);
    expect(items.map(({ tabIndex }) => tabIndex)).toEqual([-1, -1, 0]);
    press(items[2], "Home");
    expect(document.activeElement).toBe(items[0]);
  });
});

describe("the theme", () => {
  afterEach(() => {
    document.body.removeAttribute("data-jp-theme-light");
    document.body.style.backgroundColor = "";
  });

  it("is that of the notebook, else of the page", () => {
    const node = document.body.appendChild(h("div", {}));
    document.body.style.backgroundColor = "rgb(10, 10, 10)";
    expect(isDark(node)).toBe(true);
    document.body.setAttribute("data-jp-theme-light", "true");
    expect(isDark(node)).toBe(false);
  });
});

describe("requests", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function linked(refusing = false) {
    /** @type {Set<(message: any) => void>} */
    const listeners = new Set();
    /** @type {any[]} */
    const sent = [];
    const model = {
      on: (/** @type {any} */ _, /** @type {any} */ f) => listeners.add(f),
      off: (/** @type {any} */ _, /** @type {any} */ f) => listeners.delete(f),
      send(/** @type {any} */ message) {
        if (refusing) throw new Error("Cannot send");
        sent.push(message);
      },
    };
    const ending = new AbortController();
    const notice = vi.fn();
    const request = connect(/** @type {any} */ (model), ending.signal, notice);
    const reply = (/** @type {any} */ message) => {
      for (const listener of listeners) listener(message);
    };
    return { request, sent, reply, ending, notice, listeners };
  }

  it("get the answer with their own number", async () => {
    const { request, sent, reply } = linked();
    const answers = Promise.all([request("a"), request("b", { x: 1 })]);
    reply({ id: sent[1].id, state: "done", result: 2 });
    reply({ id: sent[0].id, state: "done", result: 1 });
    reply({ id: "of another view", state: "done", result: 3 });
    expect(await answers).toEqual([1, 2]);
    expect(sent[1]).toMatchObject({ op: "b", args: { x: 1 } });
  });

  it("fail with the error of Python", async () => {
    const { request, sent, reply } = linked();
    const answer = request("a");
    reply({ id: sent[0].id, state: "failed", error: "ValueError: no" });
    await expect(answer).rejects.toThrow("ValueError: no");
  });

  it("fail when nobody hears them, and recover", async () => {
    const { request, sent, reply, notice } = linked();
    const answer = expect(request("a")).rejects.toThrow("does not answer");
    await vi.advanceTimersByTimeAsync(2_100);
    await answer;
    expect(notice).toHaveBeenLastCalledWith(false);
    const again = request("a");
    reply({ id: sent[1].id, state: "done" });
    await again;
    expect(notice).toHaveBeenLastCalledWith(true);
  });

  it("fail at once where nothing can be sent any more", async () => {
    const { request, notice } = linked(true);
    await expect(request("a")).rejects.toThrow("does not answer");
    expect(notice).toHaveBeenLastCalledWith(false);
  });

  it("may take long once they are heard", async () => {
    const { request, sent, reply } = linked();
    const answer = request("a");
    reply({ id: sent[0].id, state: "heard" });
    await vi.advanceTimersByTimeAsync(60_000);
    reply({ id: sent[0].id, state: "done", result: 1 });
    expect(await answer).toBe(1);
  });

  it("end with the view", async () => {
    const { request, ending, listeners } = linked();
    const answer = request("a");
    ending.abort();
    await expect(answer).rejects.toThrow("closed");
    expect(listeners.size).toBe(0);
  });
});
