// SPDX-License-Identifier: GPL-2.0-or-later
// A chart of uPlot's that can be read by keyboard, as a table, in the dark and on paper.

const CHARTS = new Set();
const PAPER = 660;          // px: as wide as a chart is on paper

function font() {
  return `12px ${getComputedStyle(document.body).fontFamily}`;
}

// An axis is as wide as its labels.
function room(chart, values, axis, cycle) {
  if (cycle > 1)
    return chart.axes[axis]._size;
  chart.ctx.save();
  chart.ctx.font = font();
  const widest = Math.max(0, ...(values || []).map(value => chart.ctx.measureText(value).width));
  chart.ctx.restore();
  return Math.ceil(widest) + 16;
}

function axis(more) {
  return {
    stroke: () => colour("muted"), font: font(), labelFont: font(), labelSize: 20, gap: 6,
    grid: {stroke: () => colour("grid"), width: 1}, ticks: {show: false}, ...more,
  };
}

// What a figure of a row is of.
function perWhat(name) {
  const stem = name.split("/")[0];
  return stem === "exit-cost" ? "exit cost per read" : stem === "control" ? "per iteration" : "per read";
}

// Figures at the left, in one unit for all.
function figureAxis(measured, most, what) {
  const unit = unitOf(most, measured);
  return axis({
    label: `${what}, ${unit[0]}`, size: room,
    values: (chart, splits) => {
      const step = splits.length > 1 ? Math.abs(splits[1] - splits[0]) / unit[1] : 1;
      const digits = Math.max(0, Math.min(6, Math.ceil(-Math.log10(step) - 1e-9)));
      return splits.map(value => (value / unit[1]).toFixed(digits).replace("-", "−"));
    },
  });
}

// The powers of ten, times each of @leads, between two values.
function decades(least, most, leads) {
  const found = [];
  for (let power = Math.floor(Math.log10(least)); 10 ** power <= most; power++)
    for (const lead of leads)
      if (lead * 10 ** power >= least * 0.999 && lead * 10 ** power <= most * 1.001)
        found.push(lead * 10 ** power);
  return found;
}

// On a logarithmic axis each label has the unit that suits it.
function logarithmicAxis(measured, what) {
  return axis({
    label: measured === "ns" ? what : `${what}, ${measured}`, size: room, filter: (chart, splits) => splits,
    splits: (chart, at, least, most) => decades(least, most, most > 300 * least ? [1]
      : most > 10 * least ? [1, 2, 5] : [1, 1.5, 2, 3, 4, 5, 7]),
    values: (chart, splits) => splits.map(value => {
      const unit = unitOf(value * 1.0001, measured);
      const digits = Number((value / unit[1]).toPrecision(3));
      return measured === "ns" ? `${digits} ${unit[0]}` : String(digits);
    }),
  });
}

// Dates below; what does not change from one to the next is said once, in a second line.
function dateAxis() {
  return axis({
    label: "time, UTC", space: 72, size: 44,
    values: (chart, splits, at, space, step) => {
      let said = "";
      return splits.map(value => {
        const iso = new Date(value * 1e3).toISOString();
        const [short, long] = step >= 86400 * 360 ? [iso.slice(0, 4), ""] :
          step >= 86400 ? [iso.slice(5, 10), iso.slice(0, 4)] :
          [iso.slice(11, step >= 60 ? 16 : 19), iso.slice(0, 10)];
        const line = long === said ? short : `${short}\n${long}`;
        said = long;
        return line;
      });
    },
  });
}

// Moves the cursor to a point of the data.
function pointAt(chart, index) {
  const x = chart.data[0][index];
  chart.setCursor({left: chart.valToPos(x, "x"), top: chart.bbox.height / devicePixelRatio / 2});
}

function zoom(chart, factor) {
  const {min, max} = chart.scales.x;
  const data = chart.data[0];
  const middle = chart.cursor.idx === null ? (min + max) / 2 : data[chart.cursor.idx];
  const half = (max - min) * factor / 2;
  chart.setScale("x", {min: Math.max(data[0], middle - half),
                       max: Math.min(data[data.length - 1], middle + half)});
}

// What a key does in a chart: the index to go to, or null when it is none of ours.
function keyed(chart, key) {
  const last = chart.data[0].length - 1;
  const now = chart.cursor.idx;
  const at = now === null || now === undefined ? last : now;
  const page = Math.max(2, Math.round(last / 20));
  const moves = {ArrowLeft: at - 1, ArrowRight: at + 1, PageUp: at - page, PageDown: at + page,
                 Home: 0, End: last};
  if (key in moves)
    return Math.max(0, Math.min(last, moves[key]));
  if (key === "+" || key === "-")
    zoom(chart, key === "+" ? 0.5 : 2);
  else if (key === "0" || key === "Escape")
    chart.setScale("x", {min: chart.data[0][0], max: chart.data[0][last]});
  else
    return null;
  return at;
}

function widthOf(plot) {
  return PRINT.matches ? PAPER : Math.max(200, plot.clientWidth);
}

// Puts a chart into @parent. @describe(index): the words for a point; @label: what the chart shows.
function draw(parent, {label, options, data, describe}) {
  const readout = el("output", {class: "readout"}, "← → reads the points, + − 0 zooms; or drag");
  const plot = el("div", {class: "plot", tabindex: "0", role: "application", "aria-label": label});
  put(parent, [plot, readout]);
  const chart = new uPlot({
    legend: {show: false}, ...options, width: widthOf(plot),
    cursor: {y: false, drag: {x: true, y: false}, ...options.cursor},
    hooks: {...options.hooks, setCursor: [of => {
      if (of.cursor.idx !== null && of.cursor.idx !== undefined)
        readout.textContent = describe(of.cursor.idx);
    }]},
  }, data, plot);
  plot.addEventListener("keydown", event => {
    if (event.ctrlKey || event.altKey || event.metaKey)
      return;
    const index = keyed(chart, event.key);
    if (index === null)
      return;
    event.preventDefault();
    pointAt(chart, index);
  });
  const watch = new ResizeObserver(() => {
    if (widthOf(plot) !== chart.width)
      chart.setSize({width: widthOf(plot), height: chart.height});
  });
  watch.observe(plot);
  const drawn = {chart, plot, end: () => {
    watch.disconnect();
    chart.destroy();
    CHARTS.delete(drawn);
  }};
  CHARTS.add(drawn);
  return drawn;
}

// The colours are looked up when a chart is drawn: so it is drawn again.
function redraw() {
  for (const {chart, plot} of CHARTS) {
    chart.setSize({width: widthOf(plot), height: chart.height});
    chart.redraw(true, true);
  }
}
PRINT.addEventListener("change", redraw);
DARK.addEventListener("change", redraw);
