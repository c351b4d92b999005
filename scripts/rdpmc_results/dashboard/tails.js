// SPDX-License-Identifier: GPL-2.0-or-later
// Percentiles of the chosen row, one line for each host: what users feel is the tail.

const P_NAMES = ["p50", "p90", "p99", "p99.9", "max"];

function percentileText(x) {
  const decades = Math.log10(x);
  const whole = Math.abs(decades - Math.round(decades)) < 1e-6;
  const digits = Math.max(0, Math.ceil(decades - 1e-6) - (whole ? 2 : 1));
  return `${((1 - 1 / x) * 100).toFixed(digits)} %`;
}

function tailsOptions(name, curves, unit) {
  const all = curves.flatMap(({curve}) => curve).filter(value => value > 0);
  const low = Math.min(...all);
  const high = Math.max(...all);
  const logarithmic = high > 5 * low;
  const edge = (high - low) * 0.06 || Math.abs(high) * 0.01 || 1;
  return {
    height: 280, padding: [12, 36, 0, 0],
    scales: {
      x: {time: false, distr: 3},
      y: logarithmic ? {distr: 3, range: () => [low / 1.15, high * 1.15]} :
        {range: () => [low - edge, high + edge]},
    },
    axes: [axis({label: `share of the ${name.startsWith("control/") ? "turns" : "reads"} that take at most so long`, size: 26,
      splits: (chart, at, least, most) => decades(least, most, [1]),
      filter: (chart, splits) => splits,
      values: (chart, splits) => splits.map(x => x < 1.5 ? "least" : percentileText(x))}),
      logarithmic ? logarithmicAxis(unit, perWhat(name)) : figureAxis(unit, high, perWhat(name))],
    series: [{}, ...curves.map((_, at) => ({
      stroke: () => colour(LINES[at % LINES.length][0]), dash: LINES[at % LINES.length][1],
      width: 1.75, points: {show: false},
    }))],
  };
}

let tailChart = null;
let tailTurn = 0;

function tailsTable(name, curves) {
  return table(`Percentiles of ${name}`,
    ["host", ...P_NAMES.map(text => ({text, class: "figure"})), {text: "samples", class: "figure"}],
    curves.map(({host, p, n}, at) => el("tr", null,
      rowHead(sample(LINES[at % LINES.length]), " ", host.name,
        cross(host, host.series.find(series => series.name === name).last[0])),
      p.map(value => cell(figureIn(host.unit, value), "figure")), cell(number(n), "figure"))));
}

// All rows of a host, without the charts.
async function allTails(host, now) {
  const of = await tails(host);
  const rows = host.series.filter(series => of.has(series.name) && wanted(now, series.name, host) &&
    series.setting !== "simulated-vpmu");
  return table(`Percentiles of all benchmarks of ${host.name}`,
    ["row", ...P_NAMES.map(text => ({text, class: "figure"}))],
    rows.map(series => el("tr", null, rowHead(broken(series.name)),
      of.get(series.name).p.map(value => cell(figureIn(host.unit, value), "figure")))));
}

async function showTails(now) {
  const mine = ++tailTurn;
  const body = byId("tails-body");
  const series = chosen(now);
  // What an exit costs is a difference of medians: the row that exits has the samples.
  const name = series?.name.replace(/^exit-cost\/([^/]+)\//, "rdpmc/$1/intercepted/");
  // Of one unit: a time and a number of instructions have no axis in common.
  const unit = series?.host.unit;
  const all = shownHosts(now).filter(host => host.unit === unit);
  const hosts = all.slice(0, LINES.length);
  const curves = [];
  for (const host of hosts) {
    const found = (await tails(host)).get(name);
    if (found)
      curves.push({host, ...found});
  }
  if (mine !== tailTurn)
    return;
  tailChart?.end();
  tailChart = null;
  byId("tails").hidden = !curves.length;
  if (!curves.length) {
    replace(body);
    return;
  }
  replace(body, el("h3", null, broken(name)), el("p", {class: "note"},
    "Samples of single reads, all runs of the newest result that has the benchmark, disturbed ones " +
    "included. A read timed alone costs more than one in a block: medians differ from those " +
    "above. The curve is of all runs together; the table has the median of the runs' own.",
    all.length > LINES.length && ` The first ${LINES.length} hosts; filter for others.`,
    now.kernel && " Of the newest result, whatever its kernel."));
  const longest = Math.max(...curves.map(({curve}) => curve.length));
  const x = Array.from({length: longest}, (_, k) => 10 ** (k / DATA.decade));
  if (curves.some(({curve}) => curve.some(value => value > 0)))
    tailChart = draw(body, {
      label: `Percentiles of ${name} on ${curves.map(({host}) => host.name).join(", ")}; the table ` +
        "below has the figures. Arrow keys read the points.",
      options: tailsOptions(name, curves, unit),
      data: [x, ...curves.map(({curve}) => x.map((_, k) => k < curve.length ? curve[k] : null))],
      describe: k => `${k ? percentileText(x[k]) : "least"}: ` + curves.map(({host, curve}) =>
        `${host.name} ${k < curve.length ? figureIn(host.unit, curve[k]) : "too few samples"}`).join("; "),
    });
  else
    put(body, [el("p", null, "No sample is longer than the timer itself takes, which is taken off.")]);
  put(body, [tailsTable(name, curves)]);
  for (const host of hosts) {
    const place = el("div");
    const details = el("details", {toggle: async () => {
      if (details.open && !place.firstChild)
        replace(place, await allTails(host, now));
    }}, el("summary", null, `All rows of ${host.name}`), place);
    put(body, [details]);
  }
}
