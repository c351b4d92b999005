// SPDX-License-Identifier: GPL-2.0-or-later
// What an exit costs: of each counter kind the read that exits, the one that does not, and the
// difference. Where there is no figure stands the reason.

const GROUPS = [
  ["rdpmc", "Reads that answer"], ["rdpmc-fault", "Reads that fault (#GP)"],
];

function reasonOf(host, name) {
  const [, , status, reason] = host.absent.find(([row]) => row === name) ||
    [name, "", "", "not in this result"];
  return (status === "failed" ? "failed: " : "") + reason;
}

// {figure} or {reason} for a row of a host.
async function costOf(host, name, kernel) {
  const exact = exactOf(host, name);
  if (exact)
    return {reason: `exact: ${number(exact.results.at(-1).path.instructions)} instructions, see Exact paths`, exact};
  const series = host.series.find(each => each.name === name && each.setting !== "simulated-vpmu");
  const figure = series && await newest(series, kernel);
  return figure ? {figure, host, old: figure.at < host.newest && !kernel}
    : {reason: reasonOf(host, name)};
}

function costCell({figure, host, old, reason}, rows) {
  if (!figure)
    return el("td", {class: "reason", rowspan: rows > 1 ? rows : null}, reason);
  return el("td", {class: "figure"}, figureIn(host.unit, figure.median), " ",
    el("span", {class: "interval"}, interval(host.unit, figure.lower, figure.upper), old && " older"),
    cross(host, figure.at));
}

function difference(dear, cheap) {
  if (dear.exact)
    return {reason: "the path of the exit itself, see Exact paths"};
  if (dear.reason || cheap.reason)
    return {reason: `unknown: needs ${dear.reason ? cheap.reason ? "both" : "the intercepted read"
      : "the passthrough read"}`};
  return {reason: "unknown: the two were not measured run by run"};
}

// [{kind, dear, cheap, cost}] of a host's rows of this stem; kind is "metrics/cpl3" and the like.
async function costLines(host, stem, now) {
  const kinds = new Set();
  for (const name of [...host.series.map(series => series.name), ...host.exact.map(row => DATA.rows[row.row]),
                      ...host.absent.map(([row]) => row)]) {
    const [first, counter, setting, cpl] = name.split("/");
    if (first === stem && ["intercepted", "passthrough"].includes(setting) &&
        wanted(now, name, host))
      kinds.add(`${counter}/${cpl}`);
  }
  const lines = [];
  for (const kind of kinds) {
    const [counter, cpl] = kind.split("/");
    const [dear, cheap] = [await costOf(host, `${stem}/${counter}/intercepted/${cpl}`, now.kernel),
                           await costOf(host, `${stem}/${counter}/passthrough/${cpl}`, now.kernel)];
    let cost = null;
    if (stem === "rdpmc") {
      cost = await costOf(host, `exit-cost/${kind}`, now.kernel);
      if (cost.reason)
        cost = difference(dear, cheap);
    }
    const cells = cost ? [dear, cheap, cost] : [dear, cheap];
    const reasons = cells.map(one => one.reason || "").join("\n");
    // Those without any figure, for the same reasons, are one line.
    const same = cells.every(one => one.reason) && lines.find(line => line.reasons === reasons);
    if (same)
      same.kinds.push(kind);
    else
      lines.push({kinds: [kind], cells, reasons});
  }
  // Lines that lack the same for the same reason stand together.
  return lines.sort((a, b) => a.reasons < b.reasons ? -1 : a.reasons > b.reasons ? 1 : 0);
}

// Cells with the same reason one below the other become one.
function costRows(lines) {
  const reason = (line, column) => line.cells[column].reason;
  const cellAt = (one, at, column) => {
    if (!one.reason)
      return costCell(one, 1);
    if (at > 0 && reason(lines[at - 1], column) === one.reason)
      return null;
    let rows = 1;
    while (at + rows < lines.length && reason(lines[at + rows], column) === one.reason)
      rows++;
    return costCell(one, rows);
  };
  return lines.map((line, at) => el("tr", null, rowHead(line.kinds.join(", ")),
    line.cells.map((one, column) => cellAt(one, at, column))));
}

async function yardsticks(host, now) {
  const rows = [];
  for (const series of host.series)
    if (["control", "native", "emulator"].includes(series.setting) &&
        wanted(now, series.name, host))
      rows.push(el("tr", null, rowHead(broken(series.name)),
        costCell(await costOf(host, series.name, now.kernel), 1),
        cell(series.last[4] === null ? "not counted" : series.last[4].toFixed(2), "figure")));
  return rows.length > 0 && table("Yardsticks: not RDPMC in a guest",
    ["benchmark", {text: `${host.unit} per iteration`, class: "figure"}, {text: "exits", class: "figure"}], rows);
}

async function hostCosts(host, now) {
  const parts = [];
  for (const [stem, caption] of GROUPS) {
    const lines = await costLines(host, stem, now);
    if (!lines.length)
      continue;
    const heads = lines[0].cells.map((_, column) => ({
      text: ["intercepted", "passthrough", "exit cost"][column],
      class: lines.some(line => line.cells[column].figure) ? "figure" : null}));
    parts.push(table(caption, ["counter, privilege", ...heads], costRows(lines), {class: "costs"}));
  }
  return parts.concat(await yardsticks(host, now) || []);
}

async function showCosts(now) {
  const parts = [];
  const hosts = shownHosts(now);
  for (const host of hosts) {
    const about = `program ${host.versions[host.version]}, kernel ${now.kernel ||
      host.kernels[host.kernel]}, ${date(host.last)} UTC${host.partial ? ", partial" : ""}` +
      (host.disturbed[host.newest] ? `, disturbed: ${host.disturbed[host.newest]}` : "");
    const tables = await hostCosts(host, now);
    if (!tables.length)
      continue;
    const body = el("div", {class: "tables"}, tables);
    const details = el("details", {class: "host"}, el("summary", null,
      el("h3", null, host.name), " ", el("span", {class: "note"}, about)), body);
    details.open = hosts.length <= 3 || !parts.length;
    parts.push(details);
  }
  return () => {
    byId("costs").hidden = !parts.length;
    replace(byId("costs-body"), parts);
  };
}
