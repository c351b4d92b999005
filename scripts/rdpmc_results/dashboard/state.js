// SPDX-License-Identifier: GPL-2.0-or-later
// What is looked at stands in the address, behind the #: it can be sent to others, and Back works.

const KEYS = ["host", "kernel", "row", "chart", "on", "whole", "all", "path", "at", "from", "to",
              "section"];

function state() {
  const given = new URLSearchParams(location.hash.slice(1));
  const found = Object.fromEntries(KEYS.map(key => [key, given.get(key) || ""]));
  if (!HOSTS.some(host => host.name === found.host))
    found.host = "";
  if (!HOSTS.some(host => host.kernels.includes(found.kernel)))
    found.kernel = "";
  return found;
}

// An address that differs from the present one in @changes.
function address(changes) {
  const wanted = new URLSearchParams();
  for (const [key, value] of Object.entries({...state(), section: "", ...changes}))
    if (value)
      wanted.set(key, value);
  return `#${wanted}`;
}

function go(changes) {
  location.hash = address(changes);
}

// Does the filter leave this row of this host?
function wanted(now, name, host) {
  return (!now.host || host.name === now.host) &&
    (!now.row || name.toLowerCase().includes(now.row.toLowerCase()));
}

function shownSeries(now) {
  return REAL.filter(series => wanted(now, series.name, series.host) &&
    (!now.kernel || series.host.kernels.includes(now.kernel)));
}

function shownHosts(now) {
  return HOSTS.filter(host => (!now.host || host.name === now.host) &&
    (!now.kernel || host.kernels.includes(now.kernel)));
}

// The series whose chart is drawn large: the one asked for, else the worst, else the first.
function chosen(now) {
  const shown = shownSeries(now);
  const asked = shown.find(series => series.name === now.chart && series.host.name === now.on) ||
    shown.find(series => series.name === now.chart);
  return asked || byConcern(shown)[0] || null;
}

const CONCERN = ["regression", "suspicious", "unconfirmed"];
const STEMS = ["rdpmc", "exit-cost", "rdpmc-fault", "control"];

function stemRank(name) {
  return STEMS.indexOf(name.split("/")[0]);
}

// Place of those of which the verdict tells, by index.
const TOLD = new Map(DATA.verdict.classes.filter(each => each.class !== "better")
  .flatMap(each => each.groups).flatMap(each => each.rows).map(([index], at) => [index, at]));

// Worse ones first, in the verdict's order; then as in the results, the yardsticks last.
function byConcern(series) {
  const rank = each => TOLD.get(each.index) ?? TOLD.size + (CONCERN.includes(each.verdict) ? 0 : 1);
  return [...series].sort((a, b) => rank(a) - rank(b) || a.host.index - b.host.index ||
    stemRank(a.name) - stemRank(b.name) || a.index - b.index);
}
