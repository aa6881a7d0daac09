/**
 * A score as text, as the static HTML writes it: one just below 1 stays below it, one just above 0 is <0.01.
 *
 * @param {unknown} value
 * @param {number} [digits]
 */
export function number(value, digits = 4) {
  if (typeof value !== "number" || !Number.isFinite(value))
    return value === null || value === undefined ? "" : `${value}`;
  const step = 10 ** -digits;
  if (value > 0 && value < step / 2) return `<${step.toFixed(digits)}`;
  const shown = value < 1 && value >= 1 - step / 2 ? 1 - step : value;
  return Math.abs(shown) < 1e9 ? shown.toFixed(digits) : shown.toExponential(digits);
}

/**
 * How much of a bar a score fills: 0 to 1.
 *
 * @param {unknown} score
 */
export function share(score) {
  return typeof score === "number" && Number.isFinite(score) ? Math.min(Math.max(score, 0), 1) : 0;
}

/**
 * Whether all of them are probabilities, so that a threshold between 0 and 1 makes sense.
 *
 * @param {unknown[]} scores
 */
export function probabilities(scores) {
  return scores.length > 0 && scores.every((score) => typeof score === "number" && score >= 0 && score <= 1);
}
