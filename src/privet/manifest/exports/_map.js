"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("data").textContent);
  const graph = byId("graph");
  const nodes = [...graph.querySelectorAll(".node")];
  const arcs = [...graph.querySelectorAll(".arc")].map((path) => ({
    path, ends: [Number(path.dataset.a), Number(path.dataset.b)],
  }));
  const lines = [...byId("rows").tBodies[0].rows];
  const rowTexts = data.rows.map((row) => words([...row.c, ...row.n.map(fieldsOf)]));
  const nodeTexts = data.nodes.map((node, at) => words([node.name, node.key, node.about, fieldsOf(at)]));
  const near = nodes.map(() => new Set());
  arcs.forEach(({ ends: [a, b] }) => { near[a].add(b); near[b].add(a); });
  let chosen = null;

  function words(texts) { return texts.join("\n").toLowerCase(); }
  function fieldsOf(at) { return (data.nodes[at].fields || []).map((field) => field.join(" ")).join("\n"); }
  function make(tag, text, more = {}) {
    return Object.assign(document.createElement(tag), { textContent: text, ...more });
  }

  // --- what is shown ---------------------------------------------------------------------------------------------

  function show() {
    const sought = byId("search").value.trim().toLowerCase();
    const wanted = [...document.querySelectorAll("[data-filter]")].map((one) => one.value).filter(Boolean);
    const filtered = Boolean(sought || wanted.length);
    const lit = new Set();
    let count = 0;
    data.rows.forEach((row, at) => {
      const fits = wanted.every((key) => row.k.includes(key)) && (!sought || rowTexts[at].includes(sought));
      const kept = fits && (chosen === null || row.n.includes(chosen));
      if (fits) row.n.forEach((node) => lit.add(node));
      lines[at].hidden = !kept;
      count += kept;
    });
    if (sought && !wanted.length) nodeTexts.forEach((text, at) => { if (text.includes(sought)) lit.add(at); });
    const bright = (at) => (chosen === null ? !filtered || lit.has(at) : at === chosen || near[chosen].has(at));
    nodes.forEach((node, at) => {
      node.classList.toggle("dim", !bright(at));
      node.classList.toggle("chosen", at === chosen);
      node.setAttribute("aria-pressed", String(at === chosen));
    });
    arcs.forEach(({ path, ends: [a, b] }) => {
      const own = chosen !== null && (a === chosen || b === chosen);
      path.classList.toggle("lit", own);
      path.classList.toggle("dim", chosen === null ? !(bright(a) && bright(b)) : !own);
    });
    const about = chosen === null ? "" : ` of ${data.nodes[chosen].name}`;
    byId("status").textContent = `${count} of ${data.rows.length} rows${about}`;
  }

  function choose(at) {
    chosen = at === chosen ? null : at;
    fillPanel();
    show();
  }

  function fillPanel() {
    const panel = byId("panel");
    panel.replaceChildren();
    panel.hidden = chosen === null;
    if (chosen === null) return;
    const node = data.nodes[chosen];
    panel.append(make("h3", node.name));
    panel.append(make("p", `${data.words[node.kind]} ${node.key}`, { className: "soft" }));
    if (node.about) panel.append(make("p", node.about));
    const list = make("ul", "");
    [...near[chosen]].sort((a, b) => a - b).forEach((at) => {
      const button = make("button", data.nodes[at].name, { type: "button" });
      button.addEventListener("click", () => { choose(at); reach(at); });
      list.append(make("li", ""));
      list.lastChild.append(button);
    });
    const close = make("button", "Show all", { type: "button" });
    close.addEventListener("click", () => { const at = chosen; choose(at); focusOn(at); });
    list.append(make("li", ""));
    list.lastChild.append(close);
    panel.append(list);
    if (node.fields && node.fields.length) panel.append(fieldTable(node.fields));
  }

  function fieldTable(fields) {
    const box = make("div", "", { className: "fields", tabIndex: 0 });
    box.setAttribute("aria-label", "Fields");
    const table = make("table", "");
    const head = table.createTHead().insertRow();
    head.append(make("th", "Field", { scope: "col" }), make("th", "Categories", { scope: "col" }));
    const body = table.createTBody();
    fields.forEach(([path, labels]) => {
      const line = body.insertRow();
      line.append(make("td", path), make("td", labels));
      line.children[0].dataset.title = "Field";
      line.children[1].dataset.title = "Categories";
      if (!labels) line.children[1].className = "empty";
    });
    box.append(table);
    return box;
  }

  function showRow(at) {
    const dialog = byId("details");
    const list = make("dl", "");
    data.titles.forEach((title, column) => {
      list.append(make("dt", title), make("dd", data.rows[at].c[column] || "—"));
    });
    const close = make("button", "Close", { type: "button" });
    close.addEventListener("click", () => dialog.close());
    dialog.replaceChildren(make("h2", lines[at].cells[0].textContent, { id: "details-title" }), list, close);
    dialog.showModal();
  }

  // --- zoom and pan ----------------------------------------------------------------------------------------------

  const whole = { width: Number(graph.dataset.width), height: Number(graph.dataset.height) };
  const view = { x: 0, y: 0, scale: 1 };
  const READABLE = 0.8;

  function width() { return graph.clientWidth || 800; }
  function fitScale() { return Math.min(width() / whole.width, 1.15); }
  function draw() {
    const height = Math.max(260, Math.min(innerHeight * 0.66, whole.height * Math.max(view.scale, fitScale())));
    graph.style.height = `${height}px`;
    const size = { width: width() / view.scale, height: height / view.scale };
    view.x = clamp(view.x, whole.width - size.width);
    view.y = clamp(view.y, whole.height - size.height);
    graph.setAttribute("viewBox", `${view.x} ${view.y} ${size.width} ${size.height}`);
  }
  function clamp(value, most) { return most < 0 ? most / 2 : Math.min(Math.max(value, 0), most); }
  function zoom(factor, x = width() / 2, y = graph.clientHeight / 2) {
    const scale = Math.min(Math.max(view.scale * factor, 0.04), 3);
    view.x += x / view.scale - x / scale;
    view.y += y / view.scale - y / scale;
    view.scale = scale;
    draw();
  }
  function start() { view.scale = Math.max(fitScale(), READABLE); view.x = 0; view.y = 0; draw(); }
  function fit() {
    const places = nodes.flatMap((node, at) => (node.classList.contains("dim") ? [] : [place(at)]));
    const all = places.length === nodes.length || !places.length;
    const xs = places.map((one) => one.x);
    const ys = places.map((one) => one.y);
    const box = all ? { x: 0, y: 0, ...whole } : {
      x: Math.min(...xs) - 24, y: Math.min(...ys) - 44,
      width: Math.max(...xs) - Math.min(...xs) + 248, height: Math.max(...ys) - Math.min(...ys) + 104,
    };
    view.scale = Math.min(width() / box.width, innerHeight * 0.66 / box.height, 1.15);
    Object.assign(view, { x: box.x, y: box.y });
    draw();
  }
  function place(at) {
    const [x, y] = nodes[at].getAttribute("transform").match(/\d+/g).map(Number);
    return { x, y };
  }
  function reach(at) {
    const { x, y } = place(at);
    const size = { width: width() / view.scale, height: graph.clientHeight / view.scale };
    if (x < view.x || x + 200 > view.x + size.width) view.x = x + 100 - size.width / 2;
    if (y < view.y || y + 36 > view.y + size.height) view.y = y + 18 - size.height / 2;
    draw();
  }

  let held = null;
  graph.addEventListener("pointerdown", (event) => {
    held = { x: event.clientX, y: event.clientY, far: false };
  });
  graph.addEventListener("pointermove", (event) => {
    if (!held || !(event.buttons & 1)) return;
    const moved = { x: event.clientX - held.x, y: event.clientY - held.y };
    if (!held.far && Math.hypot(moved.x, moved.y) < 5) return;
    if (!held.far) graph.setPointerCapture(event.pointerId);
    Object.assign(held, { x: event.clientX, y: event.clientY, far: true });
    graph.classList.add("drag");
    view.x -= moved.x / view.scale;
    view.y -= moved.y / view.scale;
    draw();
  });
  ["pointerup", "pointercancel"].forEach((name) => graph.addEventListener(name, () => {
    graph.classList.remove("drag");
    // The click that ends a drag chooses nothing.
    if (held && held.far) graph.addEventListener("click", (event) => event.stopPropagation(), { capture: true, once: true });
    held = null;
  }));
  graph.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return; // the page scrolls
    event.preventDefault();
    const box = graph.getBoundingClientRect();
    zoom(event.deltaY < 0 ? 1.15 : 1 / 1.15, event.clientX - box.left, event.clientY - box.top);
  }, { passive: false });

  // --- keys ------------------------------------------------------------------------------------------------------

  const STEPS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };

  function focusOn(at) {
    nodes.forEach((node, other) => node.setAttribute("tabindex", other === at ? "0" : "-1"));
    reach(at);
    nodes[at].focus({ preventScroll: false });
  }
  function beside(at, [dx, dy]) {
    const from = place(at);
    let best = null;
    nodes.forEach((_, other) => {
      const to = place(other);
      const [along, across] = dx ? [(to.x - from.x) * dx, to.y - from.y] : [(to.y - from.y) * dy, to.x - from.x];
      if (along <= 0) return;
      const cost = along + Math.abs(across) * 3;
      if (!best || cost < best.cost) best = { other, cost };
    });
    return best ? best.other : at;
  }
  graph.addEventListener("keydown", (event) => {
    const node = event.target.closest(".node");
    if (event.key === "+" || event.key === "-") { zoom(event.key === "+" ? 1.25 : 0.8); event.preventDefault(); }
    if (!node) return;
    const at = Number(node.dataset.n);
    if (event.key === "Enter" || event.key === " ") { choose(at); event.preventDefault(); }
    if (event.key in STEPS) { focusOn(beside(at, STEPS[event.key])); event.preventDefault(); }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && chosen !== null && !byId("details").open) choose(chosen);
  });

  // --- begin -----------------------------------------------------------------------------------------------------

  graph.addEventListener("click", (event) => {
    const node = event.target.closest(".node");
    if (node) { choose(Number(node.dataset.n)); focusOn(Number(node.dataset.n)); }
    else if (chosen !== null) choose(chosen);
  });
  byId("rows").addEventListener("click", (event) => {
    const button = event.target.closest("[data-row]");
    if (button) showRow(Number(button.dataset.row));
  });
  let waiting = 0;
  byId("search").addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(show, 120); });
  document.querySelectorAll("[data-filter]").forEach((one) => one.addEventListener("change", show));
  byId("tools").addEventListener("submit", (event) => event.preventDefault());
  byId("tools").addEventListener("reset", () => setTimeout(() => { if (chosen !== null) choose(chosen); show(); start(); }));
  document.querySelectorAll("[data-zoom]").forEach((button) => button.addEventListener("click", () => {
    if (button.dataset.zoom === "fit") fit(); else zoom(button.dataset.zoom === "in" ? 1.25 : 0.8);
  }));
  addEventListener("resize", draw);
  addEventListener("beforeprint", () => graph.setAttribute("viewBox", `0 0 ${whole.width} ${whole.height}`));
  addEventListener("afterprint", draw);
  byId("tools").hidden = false;
  byId("zoom").hidden = false;
  graph.classList.add("live");
  start();
  show();
})();
