// SPDX-License-Identifier: GPL-2.0-or-later
// Colours, dashes and shapes. No colour tells anything alone: dashes or words go with each.

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

const PRINT = matchMedia("print");
const DARK = matchMedia("(prefers-color-scheme: dark)");

// For hosts in one chart: Okabe and Ito's, each with its dashes.
const LINES = [
  ["line-1", []], ["line-2", [7, 4]], ["line-3", [2, 3]], ["line-4", [9, 3, 2, 3]],
  ["line-5", [4, 2]], ["line-6", [12, 4]], ["line-7", [2, 2, 6, 2]], ["line-8", [1, 4]],
];

function sample([name, dash]) {
  const line = svg("line", {x1: 1, y1: 6, x2: 31, y2: 6, class: `stroke-${name}`,
                            "stroke-dasharray": dash.join(" ") || "none"});
  return svg("svg", {width: 32, height: 12, class: "sample", "aria-hidden": "true"}, line);
}

// [sign, words] by verdict.
const VERDICTS = {
  regression: ["▲", "slower"], suspicious: ["⚠", "suspicious"],
  unconfirmed: ["△", "perhaps slower"], improvement: ["▽", "faster"], steady: ["", "steady"],
  short: ["", ""],
};

function verdictOf(series) {
  const [sign, words] = VERDICTS[series.verdict];
  return el("span", {class: `verdict ${series.verdict}`},
    el("span", {"aria-hidden": "true"}, sign), sign && " ",
    series.verdict === "regression" || series.verdict === "improvement"
      ? `${percent(series.ratio)} ${words}` : words || neededOf(series));
}

function neededOf(series) {
  return `${number(series.count)} of ${DATA.needed} results needed`;
}

// Behind a figure of a result of which rdpmc-bench warned.
function cross(host, at) {
  return host.disturbed[at] && el("span", {class: "cross", title: `disturbed: ${host.disturbed[at]}`}, " ×");
}
