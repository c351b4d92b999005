// SPDX-License-Identifier: GPL-2.0-or-later
// Flame graphs of exit profiles: of one result, or of two, one against the other. The layout is
// d3-hierarchy's. Every frame can be reached by keyboard, and a table has the same figures.

const FLAME = {height: 21, letter: 6.7, least: 0.3};

// The tree of two profiles, each {folded stack: instructions}. In a node, of both: total and own instructions.
function stackTree(before, after) {
  const root = {name: "exit", total: [0, 0], own: [0, 0], children: new Map()};
  [before, after].forEach((stacks, side) => {
    for (const [stack, count] of Object.entries(stacks)) {
      let node = root;
      node.total[side] += count;
      for (const name of stack.split(";")) {
        if (!node.children.has(name))
          node.children.set(name, {name, total: [0, 0], own: [0, 0], children: new Map()});
        node = node.children.get(name);
        node.total[side] += count;
      }
      node.own[side] += count;
    }
  });
  return root;
}

// As wide as the larger of both, so that what is in one alone is seen in either case.
function flameLayout(tree) {
  const root = d3.hierarchy(tree, node => [...node.children.values()])
    .sum(node => Math.max(...node.own))
    .sort((a, b) => a.data.name < b.data.name ? -1 : 1);
  return d3.partition()(root);
}

function signed(value) {
  return value > 0 ? `+${number(value)}` : value < 0 ? `−${number(-value)}` : "0";
}

function change([before, after]) {
  return after - before;
}

// Words for a frame: all that the graph shows of it.
function frameWords({data}, two) {
  const of = two ? pair => `${number(pair[0])} → ${number(pair[1])} (${signed(change(pair))})`
    : pair => number(pair[1]);
  return `${data.name}: ${of(data.total)} instructions, emulated; ${of(data.own)} of them its own`;
}

function frameClass({data}, two) {
  if (!two) {
    let hash = 0;
    for (const letter of data.name)
      hash = (hash * 31 + letter.charCodeAt(0)) % 997;
    return `warm-${hash % 4}`;
  }
  const by = change(data.total);
  return by > 0 ? "more" : by < 0 ? "less" : change(data.own) ? "moved" : "same";
}

// How much of a frame's colour there is: all where it is new or gone.
function frameShade({data}, two) {
  return two && change(data.total) ? Math.max(0.35, Math.min(1, 3 * Math.abs(change(data.total)) /
    Math.max(...data.total))) : 1;
}

function fitted(text, width) {
  const letters = Math.floor((width - 8) / FLAME.letter);
  return letters < 3 ? "" : text.length <= letters ? text : `${text.slice(0, letters - 1)}…`;
}

function flameKey(now, key, nodes) {
  const row = nodes.filter(node => node.depth === now.depth).sort((a, b) => a.x0 - b.x0);
  const beside = step => row[row.indexOf(now) + step];
  const widest = now.children && [...now.children].sort((a, b) => b.value - a.value)[0];
  return {ArrowUp: widest, ArrowDown: now.parent, ArrowLeft: beside(-1), ArrowRight: beside(1),
          Home: now.ancestors().at(-1)}[key];
}

// Puts the flame graph of @tree into @parent; @two: it holds two profiles.
function drawFlame(parent, tree, two, label) {
  const root = flameLayout(tree);
  let zoomed = root;
  let now = root;
  const readout = el("output", {class: "readout"},
    "Arrow keys go from frame to frame, Enter zooms, Escape resets; or click");
  const plot = el("div", {class: "flame", tabindex: "0", role: "application", "aria-label": label});
  const rows = root.height + 1;

  function show() {
    const width = widthOf(plot);
    const scale = width / (zoomed.x1 - zoomed.x0);
    const shown = root.descendants().filter(node =>
      (node.x1 - node.x0) * scale >= FLAME.least && node.x1 > zoomed.x0 && node.x0 < zoomed.x1);
    const image = svg("svg", {width, height: rows * FLAME.height, "aria-hidden": "true",
                              viewBox: `0 0 ${width} ${rows * FLAME.height}`});
    for (const node of shown) {
      const left = Math.max(0, (node.x0 - zoomed.x0) * scale);
      const wide = Math.min(width, (node.x1 - zoomed.x0) * scale) - left;
      const by = two && change(node.data.total) ? ` ${signed(change(node.data.total))}` : "";
      const outer = zoomed !== node && zoomed.ancestors().includes(node);
      put(image, [svg("g", {
        class: `frame ${frameClass(node, two)}${outer ? " outer" : ""}${node === now ? " current" : ""}`,
        transform: `translate(${left.toFixed(2)} ${(rows - 1 - node.depth) * FLAME.height})`,
        click: () => go(node, node), mouseenter: () => tell(node)},
      svg("rect", {width: Math.max(0.5, wide - 1).toFixed(2), height: FLAME.height - 1,
                   "fill-opacity": frameShade(node, two).toFixed(2)}),
      svg("text", {x: 4, y: 14.5}, fitted(node.data.name + by, wide)))]);
    }
    // The frame that the keys are at is drawn over its neighbours.
    put(image, [image.querySelector(".current")]);
    replace(plot, image);
  }

  function tell(node) {
    readout.textContent = frameWords(node, two);
  }

  function go(node, zoom = zoomed) {
    now = node;
    zoomed = zoom;
    show();
    tell(node);
  }

  plot.addEventListener("keydown", event => {
    if (event.ctrlKey || event.altKey || event.metaKey)
      return;
    const inside = node => node.x1 > zoomed.x0 && node.x0 < zoomed.x1;
    if (event.key === "Enter")
      go(now, now);
    else if (event.key === "Escape")
      go(root, root);
    else if (["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "Home"].includes(event.key))
      go(flameKey(now, event.key, root.descendants().filter(inside)) || now);
    else
      return;
    event.preventDefault();
  });
  put(parent, [plot, readout]);
  show();
  const watch = new ResizeObserver(() => {
    if (widthOf(plot) !== Number(plot.firstChild.getAttribute("width")))
      show();
  });
  watch.observe(plot);
  return {end: () => watch.disconnect()};
}

// {name: own instructions of both}, whoever calls.
function byFunction(tree, found = new Map()) {
  const own = found.get(tree.name) || [0, 0];
  found.set(tree.name, own.map((count, side) => count + tree.own[side]));
  for (const child of tree.children.values())
    byFunction(child, found);
  return found;
}

// Where another compiler inlined otherwise the stacks differ, and the functions do less so.
function functionTable(tree, caption) {
  const rows = [...byFunction(tree)].filter(([, own]) => change(own))
    .sort(([, a], [, b]) => Math.abs(change(b)) - Math.abs(change(a)));
  return rows.length > 0 ? table(caption, ["function", ...["its own, B − A", "in A", "in B"].map(text =>
    ({text, class: "figure"}))], rows.map(([name, own]) => el("tr", null, rowHead(name),
    [signed(change(own)), ...own.map(number)].map(text => cell(text, "figure")))), {class: "functions"})
    : el("p", {class: "note"}, "Each function has as many instructions of its own in B as in A.");
}

function flameTable(tree, two, caption) {
  const heads = two ? ["B − A", "in A", "in B", "its own, B − A", "in A", "in B"] : ["instructions", "its own"];
  const rows = [];
  flameLayout(tree).eachBefore(({data, depth}) => {
    const figures = [data.total, data.own].flatMap(pair => two
      ? [signed(change(pair)), number(pair[0]), number(pair[1])] : [number(pair[1])]);
    const name = rowHead(data.name);
    name.style.setProperty("--depth", depth);
    rows.push(el("tr", {class: two && change(data.total) ? "differs" : null}, name,
      figures.map(text => cell(text, "figure"))));
  });
  return table(caption, ["function, below its caller", ...heads.map(text => ({text, class: "figure"}))], rows,
    {class: "stacks"});
}
