// SPDX-License-Identifier: GPL-2.0-or-later
// The small charts of the overview: lines of SVG, which follow the page's colours by themselves.
// They are drawn when they come into view.

const SPARK = {wide: 320, narrow: 180, height: 26, edge: 3};

// Least and greatest of each column of pixels, so that nothing that stands out is lost.
function thinned(values, columns) {
  if (values.length <= 2 * columns)
    return values.map((value, at) => [at, value]);
  const kept = [];
  for (let column = 0; column < columns; column++) {
    const from = Math.floor(column * values.length / columns);
    const to = Math.floor((column + 1) * values.length / columns);
    let least = from;
    let greatest = from;
    for (let at = from; at < to; at++) {
      if (values[at] < values[least])
        least = at;
      if (values[at] > values[greatest])
        greatest = at;
    }
    for (const at of least < greatest ? [least, greatest] : [greatest, least])
      kept.push([at, values[at]]);
  }
  return kept;
}

// At least 2 % from edge to edge: noise should look like noise.
function reach(values) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const lack = Math.max(0, 0.02 * Math.abs(high) - (high - low), high === low ? 1 : 0);
  return [low - lack / 2, high + lack / 2];
}

function spark(of, series) {
  const {height, edge} = SPARK;
  const width = innerWidth > 720 ? SPARK.wide : SPARK.narrow;
  const image = svg("svg", {width, height, viewBox: `0 0 ${width} ${height}`, class: "spark",
                            "aria-hidden": "true"});
  if (!of.median.length)
    return image;
  const [low, high] = reach(of.median);
  const last = of.median.length - 1;
  const x = at => edge + (last ? at / last : 0.5) * (width - 2 * edge);
  const y = value => height - edge - (value - low) / (high - low) * (height - 2 * edge);
  const line = thinned(of.median, width).map(([at, value]) =>
    `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
  put(image, [svg("polyline", {points: line})]);
  for (const [at, , , ratio] of series.steps) {
    const place = of.at.indexOf(at);
    if (place >= 0)
      put(image, [svg("path", {class: ratio > 1 ? "worse" : "better",
        d: `M${x(place).toFixed(1)} 0V${height}`})]);
  }
  // Of a disturbed result a cross, as in the large chart.
  const crosses = values => values.map((by, at) => by ? `M${x(at) - 2.5} ${y(of.median[at]) - 2.5}l5 5m0 -5l-5 5` : "");
  put(image, [of.disturbed?.some(Boolean) && svg("path", {class: "cross", d: crosses(of.disturbed).join("")})]);
  put(image, [svg("circle", {cx: x(last), cy: y(of.median[last]), r: 2})]);
  return image;
}

const COMING = new IntersectionObserver(entries => {
  for (const entry of entries)
    if (entry.isIntersecting) {
      COMING.unobserve(entry.target);
      entry.target.show();
    }
}, {rootMargin: "200px"});

// Calls @show, which may promise, when the element comes into view or is printed.
function whenSeen(element, show) {
  element.show = () => {
    element.show = () => {};
    show().catch(complain);
  };
  element.classList.add("coming");
  COMING.observe(element);
}

addEventListener("beforeprint", () => {
  for (const element of document.querySelectorAll(".coming"))
    element.show();
});
