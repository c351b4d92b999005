// SPDX-License-Identifier: GPL-2.0-or-later
// The history of one row in a large chart, and of all rows in small ones.

const FIRST_ROWS = 24;
const MANY_KERNELS = 20;     // changes of it in one chart
const NEWEST = 150;         // results that a chart begins with: it is their end that matters

// What the axis shows of the results between two times: all medians, and of the intervals what is
// not farther off than the medians are from each other.
function shownRange(of, start, end) {
  const seen = values => values.filter((value, at) =>
    value !== null && of.started[at] >= start && of.started[at] <= end);
  const [low, high] = reach(seen(of.median));
  const [least] = reach(seen(of.lower).concat(low));
  const [, most] = reach(seen(of.upper).concat(high));
  const height = high - low;
  const edge = height * 0.06;
  return [Math.max(least, low - height) - edge, Math.min(most, high + height) + edge];
}

// Levels between the steps, or the fitted line of a drift: [from, to, before, after], places in @of.
function levels(series, of) {
  const place = at => of.at.indexOf(at);
  const lines = [];
  const steps = series.steps.filter(([at]) => place(at) >= 0);
  steps.forEach(([at, before, after], n) => {
    if (n === 0 && place(at) > 0)
      lines.push([0, place(at) - 1, before, before]);
    const next = n + 1 < steps.length ? place(steps[n + 1][0]) - 1 : of.at.length - 1;
    const stop = series.drift && n + 1 === steps.length ? place(series.drift[0]) : next;
    if (stop >= place(at))
      lines.push([place(at), stop, after, after]);
  });
  if (series.drift) {
    const [start, end, before, after] = series.drift;
    if (place(start) >= 0 && place(end) >= 0)
      lines.push([place(start), place(end), before, after]);
  }
  return lines;
}

function drawLevels(chart, lines, of) {
  const {ctx, bbox} = chart;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.strokeStyle = colour("ink");
  ctx.lineWidth = 1.5 * devicePixelRatio;
  ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
  for (const [from, to, before, after] of lines) {
    ctx.beginPath();
    ctx.moveTo(chart.valToPos(of.started[from], "x", true), chart.valToPos(before, "y", true));
    ctx.lineTo(chart.valToPos(of.started[to], "x", true), chart.valToPos(after, "y", true));
    ctx.stroke();
  }
  ctx.restore();
}

// A line, a triangle that points to where the cost went, and the number it has in the list below.
function drawStep(chart, x, up, confirmed, text) {
  const {ctx, bbox} = chart;
  const px = devicePixelRatio;
  const top = bbox.top - 4 * px;
  ctx.strokeStyle = ctx.fillStyle = colour(up ? "worse" : "better");
  ctx.lineWidth = px;
  ctx.setLineDash(confirmed ? [] : [3 * px, 3 * px]);
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
  ctx.setLineDash([]);
  ctx.beginPath();
  ctx.moveTo(x - 4 * px, top - (up ? 0 : 7 * px));
  ctx.lineTo(x + 4 * px, top - (up ? 0 : 7 * px));
  ctx.lineTo(x, top - (up ? 7 * px : 0));
  ctx.closePath();
  if (confirmed)
    ctx.fill();
  ctx.stroke();
  ctx.font = `600 ${12 * px}px ${getComputedStyle(document.body).fontFamily}`;
  ctx.textAlign = "left";
  ctx.textBaseline = "bottom";
  ctx.fillText(text, x + 7 * px, top + 2 * px);
}

// A cross through each result of which rdpmc-bench warned.
function drawDisturbed(chart, of) {
  const {ctx} = chart;
  const px = devicePixelRatio;
  ctx.strokeStyle = colour("muted");
  ctx.lineWidth = 1.5 * px;
  ctx.setLineDash([]);
  of.disturbed.forEach((by, i) => {
    const x = chart.valToPos(of.started[i], "x", true);
    const y = chart.valToPos(of.median[i], "y", true);
    if (!by || x < chart.bbox.left || x > chart.bbox.left + chart.bbox.width)
      return;
    ctx.beginPath();
    for (const [dx, dy] of [[4, 4], [4, -4]]) {
      ctx.moveTo(x - dx * px, y - dy * px);
      ctx.lineTo(x + dx * px, y + dy * px);
    }
    ctx.stroke();
  });
}

// Places in @of where the kernel is another one than before: [place, its name].
function kernelChanges(host, of, all) {
  const name = i => host.kernels[all.kernel[of.at[i]]];
  return of.at.flatMap((at, i) => i > 0 && name(i) !== name(i - 1) ? [[i, name(i)]] : []);
}

// A dotted line where the kernel changed, its name at the foot where there is room; of many ticks alone.
function drawKernels(chart, changes, of) {
  const {ctx, bbox} = chart;
  const px = devicePixelRatio;
  const bottom = bbox.top + bbox.height;
  const seen = changes.map(([i, name]) => [chart.valToPos(of.started[i], "x", true), name])
    .filter(([x]) => x >= bbox.left && x <= bbox.left + bbox.width);
  ctx.strokeStyle = ctx.fillStyle = colour("kernel");
  ctx.lineWidth = 1.5 * px;
  ctx.setLineDash([1.5 * px, 3 * px]);
  ctx.font = `${11 * px}px ${getComputedStyle(document.body).fontFamily}`;
  ctx.textBaseline = "bottom";
  seen.forEach(([x, name], at) => {
    ctx.beginPath();
    ctx.moveTo(x, seen.length > MANY_KERNELS ? bottom - 10 * px : bbox.top);
    ctx.lineTo(x, bottom);
    ctx.stroke();
    const {width} = ctx.measureText(name);
    const next = at + 1 < seen.length ? seen[at + 1][0] : Infinity;
    const right = x + width + 8 * px <= Math.min(next, bbox.left + bbox.width);
    const before = at > 0 ? seen[at - 1][0] : bbox.left;
    ctx.textAlign = right ? "left" : "right";
    if (right || next === Infinity && x - width - 8 * px > before)
      ctx.fillText(name, x + (right ? 4 : -4) * px, bottom - 3 * px);
  });
  ctx.setLineDash([]);
}

// Marks of kernels and steps; numbers left out where they would cover one another.
function drawMarks(chart, series, of, kernels) {
  const {ctx, bbox} = chart;
  ctx.save();
  drawKernels(chart, kernels, of);
  drawLevels(chart, levels(series, of), of);
  drawDisturbed(chart, of);
  let free = -Infinity;
  series.steps.forEach(([at, , , ratio, confirmed], n) => {
    const place = of.at.indexOf(at);
    if (place < 0)
      return;
    const x = chart.valToPos(of.started[place], "x", true);
    if (x < bbox.left - 1 || x > bbox.left + bbox.width + 1)
      return;
    const fits = x > free;
    drawStep(chart, x, ratio > 1, confirmed, fits ? String(n + 1) : "");
    if (fits)
      free = x + 26 * devicePixelRatio;
  });
  ctx.restore();
}

function historyOptions(series, of, kernels) {
  const first = of.started[0];
  const last = of.started[of.started.length - 1];
  return {
    height: 316, padding: [26, 28, 0, 0],
    tzDate: stamp => uPlot.tzDate(new Date(stamp * 1e3), "Etc/UTC"),
    scales: {x: {time: true}, y: {range: chart =>
      shownRange(of, chart.scales.x.min ?? first, chart.scales.x.max ?? last)}},
    axes: [dateAxis(), figureAxis(series.host.unit, of.median[of.median.length - 1], perWhat(series.name))],
    series: [{},
      {stroke: () => colour("line-1"), width: 1.25, spanGaps: true,
        points: {show: of.at.length < 120, size: 5, fill: () => colour("line-1")}},
      {points: {show: false}}, {points: {show: false}}],
    bands: [{series: [3, 2], fill: () => colour("band")}],
    hooks: {draw: [chart => drawMarks(chart, series, of, kernels)]},
  };
}

function stepItem(series, of, started, [at, before, after, ratio, confirmed, changes]) {
  return el("li", null,
    el("b", null, `${ratio > 1 ? "▲" : "▼"} ${percent(ratio)}`), ` at ${date(started[at])}: `,
    levelsText(series.host, before, after), !confirmed && ", not confirmed by enough results yet",
    changedList(DATA.changes[changes]));
}

function valueTable(series, of, host, all) {
  const most = 1000;
  const from = Math.max(0, of.at.length - most);
  const rows = [];
  for (let i = of.at.length - 1; i >= from; i--)
    rows.push(el("tr", null, rowHead(date(of.started[i])),
      cell(figureIn(host.unit, of.median[i]) + (of.disturbed[i] && " ×"), "figure"),
      cell(interval(host.unit, of.lower[i], of.upper[i]), "figure"),
      cell(host.versions[all.version[of.at[i]]]), cell(host.kernels[all.kernel[of.at[i]]])));
  return table(from ? `The newest ${most} of ${of.at.length} results` : "All results, newest first",
    ["UTC", {text: "median", class: "figure"}, {text: "95 % interval", class: "figure"}, "program",
     "kernel"], rows);
}

// A long history begins with its newest results, or with all of them.
function offerWhole(now, of) {
  const whole = now.whole !== "";
  if (!whole)
    detail.chart.setScale("x", {min: of.started[of.at.length - NEWEST],
                                max: of.started[of.at.length - 1]});
  return el("p", {class: "note"}, whole ? `All ${number(of.at.length)} results. `
    : `The newest ${NEWEST} of ${number(of.at.length)} results. `,
  el("a", {href: address({whole: whole ? "" : "1"})}, whole ? `The newest ${NEWEST}` : "All"));
}

let detail = null;
let turn = 0;

async function showDetail(now) {
  const mine = ++turn;
  const series = chosen(now);
  const place = byId("detail");
  if (!series) {
    detail?.end();
    detail = null;
    replace(place, el("p", {class: "note"}, "No benchmark is left by these filters."));
    return;
  }
  const host = series.host;
  const [of, all] = [await figures(series, now.kernel), await points(host)];
  if (mine !== turn)
    return;
  detail?.end();
  detail = null;
  const steps = series.steps.filter(([at]) => of.at.includes(at));
  const kernels = kernelChanges(host, of, all);
  replace(place, el("h3", null, broken(series.name), " ",
    el("span", {class: "on"}, `on ${host.name}`)),
  el("p", {class: "note"}, host.cpu, host.backend && `, ${host.backend}`, ". ",
    plural(of.at.length, "result"), now.kernel && ` with ${now.kernel}`, ". ", verdictOf(series)));
  if (of.at.length < 2) {
    put(place, [el("p", null, !of.at.length ? "No result of this benchmark with this kernel." :
      `One result so far, ${date(of.started[0])} UTC: ${figureIn(host.unit, of.median[0])} ` +
      `${interval(host.unit, of.lower[0], of.upper[0])}. A history needs more; each `,
    of.at.length > 0 && [el("code", null, "make bench"), " adds one."])]);
    return;
  }
  detail = draw(place, {
    label: `History of ${series.name} on ${host.name}: ${of.at.length} medians from ` +
      `${date(of.started[0])} to ${date(of.started[of.at.length - 1])}, the newest ` +
      `${figureIn(host.unit, of.median[of.at.length - 1])}; ${plural(steps.length, "step")}, ` +
      `${plural(kernels.length, "change")} of kernel. ` +
      "Arrow keys read the points, plus and minus zoom.",
    options: historyOptions(series, of, kernels),
    data: [of.started, of.median, of.lower, of.upper],
    describe: i => `${date(of.started[i])} UTC: ${figureIn(host.unit, of.median[i])} ` +
      `${interval(host.unit, of.lower[i], of.upper[i])}, program ${host.versions[all.version[of.at[i]]]}, ` +
      `kernel ${host.kernels[all.kernel[of.at[i]]]}` +
      (of.disturbed[i] && `, disturbed: ${of.disturbed[i]}`),
  });
  if (of.at.length > 2 * NEWEST)
    put(place, [offerWhole(now, of)]);
  put(place, [el("p", {class: "legend"},
    el("span", {class: "key median"}), " median of the runs ", el("span", {class: "key band"}),
    " its 95 % interval ", steps.length || series.drift ? [el("span", {class: "key level"}),
    " level, fitted ", steps.length > 0 && "▲▼ step, hollow while unconfirmed"] : "",
    kernels.length > 0 && [el("span", {class: "key kernel"}), " another kernel"],
    of.disturbed.some(Boolean) && " × disturbed")]);
  if (steps.length)
    put(place, [el("h4", null, "Steps, and what changed there"), el("ol", {class: "steps"},
      series.steps.map(step => stepItem(series, of, all.started, step)))]);
  if (series.drift) {
    const [start, , before, after, ratio] = series.drift;
    put(place, [el("p", null, el("b", null, `Drift ${percent(ratio)}`),
      ` since ${date(all.started[start])}: ${levelsText(host, before, after)}.`)]);
  }
  put(place, [folded("These figures as a table", () => valueTable(series, of, host, all))]);
}

function overviewRow(series, now, many) {
  const place = el("td", {class: "graph"});
  const value = el("td", {class: "figure"});
  whenSeen(place, async () => {
    const of = await figures(series, now.kernel);
    replace(place, spark(of, series));
    if (now.kernel)
      replace(value, of.at.length ? figureIn(series.host.unit, of.median[of.at.length - 1]) : "none",
        cross(series.host, of.at.at(-1)));
  });
  if (!now.kernel)
    replace(value, figureIn(series.host.unit, series.last[1]), cross(series.host, series.last[0]));
  const current = series === chosen(now);
  return el("tr", current ? {"aria-current": "true"} : null,
    rowHead(el("a", {href: address({chart: series.name, on: series.host.name, section: "history"})},
      broken(series.name))),
    many && cell(series.host.name, "host"), place, value, el("td", null, verdictOf(series)));
}

function showOverview(now) {
  const series = byConcern(shownSeries(now));
  const many = HOSTS.length > 1;
  const shown = now.all ? series : series.slice(0, FIRST_ROWS);
  const rest = series.length - shown.length;
  replace(byId("overview"), series.length > 0 && table("All benchmarks, worse ones first",
    ["benchmark", ...(many ? ["host"] : []), "history, each on its own scale", {text: "newest", class: "figure"}, "verdict"],
    shown.map(each => overviewRow(each, now, many)), {class: "overview"}),
  rest > 0 && el("p", null, el("a", {class: "more", href: address({all: "1"})},
    `Show ${plural(rest, "more benchmark")}`)));
}
