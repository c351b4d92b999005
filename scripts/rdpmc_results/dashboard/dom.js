// SPDX-License-Identifier: GPL-2.0-or-later
// Elements. Whatever comes from a file goes in as text, never as markup.

function put(parent, children) {
  for (const child of children.flat(Infinity))
    if (child !== null && child !== undefined && child !== false)
      parent.append(child);
  return parent;
}

function make(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (typeof value === "function")
      element.addEventListener(name, value);
    else if (value !== null && value !== undefined && value !== false)
      element.setAttribute(name, value === true ? "" : value);
  }
  return put(element, children);
}

function el(tag, attributes, ...children) {
  return make(document.createElement(tag), attributes, children);
}

function svg(tag, attributes, ...children) {
  return make(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function byId(id) {
  return document.getElementById(id);
}

function replace(parent, ...children) {
  parent.textContent = "";
  return put(parent, children);
}

// A name of parts, that may break behind a slash.
function broken(name) {
  return name.split(/(?<=\/)/).flatMap((part, at) => at ? [el("wbr"), part] : [part]);
}

function table(caption, heads, rows, attributes) {
  return el("div", {class: "scroll", role: "region", tabindex: "0", "aria-label": caption},
    el("table", attributes, el("caption", null, caption),
      el("thead", null, el("tr", null, heads.map(head =>
        el("th", {scope: "col", class: head.class}, head.text || head)))),
      el("tbody", null, rows)));
}

function cell(text, name) {
  return el("td", {class: name}, text);
}

function rowHead(...children) {
  return el("th", {scope: "row"}, children);
}

// What is seldom wanted, behind its summary; @fill makes it when it is first opened.
function folded(summary, fill, open) {
  let filled = false;
  const body = el("div", {class: "folded"});
  const ensure = () => {
    if (!filled)
      put(body, [fill()]);
    filled = true;
  };
  const details = el("details", {toggle: () => details.open && ensure()},
    el("summary", null, summary), body);
  details.fill = ensure;
  if (open) {
    ensure();
    details.open = true;
  }
  return details;
}
