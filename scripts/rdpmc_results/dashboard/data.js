// SPDX-License-Identifier: GPL-2.0-or-later
// What the page was made of. Figures of a host are unpacked when somebody looks at it.

const DATA = JSON.parse(byId("data").textContent);
const MISSING = 65535;

const HOSTS = DATA.hosts.map((host, index) => ({...host, index}));
const SERIES = [];
for (const host of HOSTS) {
  host.series = host.series.map((series, position) =>
    ({...series, host, position, name: DATA.rows[series.row]}));
  for (const series of host.series)
    SERIES[series.index] = series;      // exact rows are none: they leave holes
}
// Times of a simulated PMU mean nothing and are compared with nothing.
const REAL = SERIES.filter(series => series.setting !== "simulated-vpmu");

async function inflate(id) {
  if (!("DecompressionStream" in window))
    throw new Error("This browser is too old to unpack the figures: it needs DecompressionStream " +
                    "(Chromium 80, Firefox 113, Safari 16.4).");
  const characters = atob(byId(id).textContent);
  const packed = new Uint8Array(characters.length);
  for (let i = 0; i < packed.length; i++)
    packed[i] = characters.charCodeAt(i);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// Promises by host and kind: nothing is unpacked twice.
const unpacking = new Map();

function once(id, unpack) {
  if (!unpacking.has(id))
    unpacking.set(id, inflate(id).then(unpack));
  return unpacking.get(id);
}

// {started, version, kernel, low, high} of a host, an element for each of its results.
function points(host) {
  return once(`blocks-${host.index}`, bytes => {
    const count = host.results;
    const half = 3 * count * host.series.length;
    const words = at => new Uint16Array(bytes.buffer.slice(at, at + 2 * count));
    return {
      started: new Float64Array(bytes.buffer.slice(0, 8 * count)),
      version: words(8 * count),
      kernel: words(10 * count),
      low: bytes.subarray(12 * count, 12 * count + half),
      high: bytes.subarray(12 * count + half, 12 * count + 2 * half),
    };
  });
}

function tails(host) {
  return once(`tails-${host.index}`,
    bytes => new Map(Object.entries(JSON.parse(new TextDecoder().decode(bytes)))));
}

// {at, started, median, lower, upper, disturbed (by what; "")} of a series, without the results that lack the row or are of
// another @kernel; lower and upper are null where they are unknown.
async function figures(series, kernel) {
  const host = series.host;
  const of = await points(host);
  const [logarithmic, low, high] = series.scale;
  const step = logarithmic ? Math.log(high / low) / DATA.steps : (high - low) / DATA.steps;
  const ns = steps => logarithmic ? low * Math.exp(steps * step) : low + steps * step;
  const first = 3 * series.position * host.results;
  const word = at => of.low[at] | of.high[at] << 8;
  const found = {at: [], started: [], median: [], lower: [], upper: [], disturbed: []};
  for (let i = 0; i < host.results; i++) {
    const middle = word(first + i);
    if (middle === MISSING || kernel && host.kernels[of.kernel[i]] !== kernel)
      continue;
    const below = word(first + host.results + i);
    const above = word(first + 2 * host.results + i);
    found.at.push(i);
    found.started.push(of.started[i]);
    found.median.push(ns(middle));
    found.disturbed.push(host.disturbed[i] || "");
    found.lower.push(below === MISSING ? null : ns(middle - below));
    found.upper.push(above === MISSING ? null : ns(middle + above));
  }
  return found;
}

// {at, median, lower, upper, exits} of a series' newest result, of that @kernel; null: none.
async function newest(series, kernel) {
  const host = series.host;
  const [at, median, lower, upper, exits] = series.last;
  if (!kernel)
    return {at, median, lower, upper, exits};
  const of = await figures(series, kernel);
  const last = of.at.length - 1;
  if (last < 0)
    return null;
  if (of.at[last] === at)
    return {at, median, lower, upper, exits};
  return {at: of.at[last], median: of.median[last], lower: of.lower[last], upper: of.upper[last],
          exits: null};
}
