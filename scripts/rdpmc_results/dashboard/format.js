// SPDX-License-Identifier: GPL-2.0-or-later
// Figures as a person reads them, with four digits that count; times in the unit one would choose.
// What a host measures in, host.unit, is ns or, where its processor is emulated, instructions.

const UNITS = {
  ns: [["s", 1e9], ["ms", 1e6], ["µs", 1e3], ["ns", 1]],
  instructions: [["instructions", 1]],
};

// The [name, size] that suits a value.
function unitOf(value, unit) {
  return UNITS[unit].find(([, size]) => Math.abs(value) >= size) || UNITS[unit].at(-1);
}

function digitsOf(value) {
  if (value === 0)
    return 1;
  return Math.max(0, Math.min(3, 3 - Math.floor(Math.log10(Math.abs(value)))));
}

function inUnit(figure, [, size]) {
  const value = figure / size;
  return value.toFixed(digitsOf(value)).replace("-", "−");
}

function figureIn(unit, value) {
  if (value === null || value === undefined || Number.isNaN(value))
    return "unknown";
  const suited = unitOf(value, unit);
  return `${inUnit(value, suited)} ${suited[0]}`;
}

function interval(unit, lower, upper) {
  if (lower === null || upper === null || Number.isNaN(lower) || Number.isNaN(upper))
    return "";
  const suited = unitOf(upper, unit);
  return `[${inUnit(lower, suited)}, ${inUnit(upper, suited)}]`;
}

function percent(ratio) {
  if (ratio === null || Number.isNaN(ratio))
    return "–";
  const value = (ratio - 1) * 100;
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(1)} %`;
}

function number(value) {
  if (value === null || value === undefined)
    return "unknown";
  return String(value).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

function plural(count, what) {
  return `${number(count)} ${what}${count === 1 ? "" : "s"}`;
}

// Seconds since 1970 as date and time of day, UTC.
function date(seconds) {
  return new Date(seconds * 1e3).toISOString().slice(0, 16).replace("T", " ");
}

// The same of a text as campaigns write it.
function moment(text) {
  return `${text.slice(0, 16).replace("T", " ")} UTC`;
}

function span(seconds) {
  for (const [unit, size] of [["day", 86400], ["hour", 3600], ["minute", 60]])
    if (seconds >= 2 * size)
      return plural(Math.round(seconds / size), unit);
  return plural(Math.max(0, Math.round(seconds)), "second");
}

function seconds(value) {
  return value === null ? "unknown" : value >= 100 ? `${value.toFixed(0)} s` :
    value >= 0.01 ? `${Number(value.toPrecision(3))} s` : figureIn("ns", value * 1e9);
}

// Names that differ in their last part alone, in one: rdpmc/metrics/intercepted/{cpl0,cpl3}.
function braced(names) {
  const groups = new Map();
  for (const name of names) {
    const cut = name.lastIndexOf("/") + 1;
    const stem = name.slice(0, cut);
    groups.set(stem, [...(groups.get(stem) || []), name.slice(cut)]);
  }
  return [...groups].map(([stem, ends]) =>
    stem + (ends.length === 1 ? ends[0] : `{${ends.join(",")}}`));
}
