"use strict";
/* The comparison: two layers one over the other, a divider between them, zoom and pan. */
(() => {
  const { data, element, create, fixed, rate, count, options, cssRamp } = Report;
  const stage = element("stage");
  if (!stage) return;
  const divider = element("divider"), zoomSlider = element("zoom");
  const sides = { left: element("left"), right: element("right") };
  const halves = { left: element("half-left"), right: element("half-right") };
  // cx and cy: the point of the picture in the middle of the stage, 0 to 1.
  const view = { picture: data.pictures[0], at: 0.5, zoom: 1, cx: 0.5, cy: 0.5, scale: 1 };
  /** Room for the table of files beside the stage, pixels. */
  const TABLE_WIDTH = 400;
  let layers = [];
  const layer = (side) => layers.find(({ id }) => id === sides[side].value);

  /** Screen pixels of the stage for a picture pixel at 1×: whole numbers where it fits, so that pixels stay square. */
  function fit() {
    const room = element("viewer").clientWidth, { width, height } = view.picture;
    const rest = room - TABLE_WIDTH;
    const beside = window.matchMedia("(min-width: 70rem)").matches && (width <= rest || height > width);
    const limit = Math.min((beside ? rest : room) / width, Math.max(window.innerHeight * 0.86, 360) / height);
    element("viewer").classList.toggle("beside", beside);
    view.scale = limit >= 1 ? Math.floor(limit) : limit;
    element("bench").style.width = stage.style.width = `${Math.round(width * view.scale)}px`;
    stage.style.height = `${Math.round(height * view.scale)}px`;
  }

  function place() {
    const { width, height } = view.picture;
    const factor = view.scale * view.zoom, margin = 0.5 / view.zoom;
    view.cx = Math.min(Math.max(view.cx, margin), 1 - margin);
    view.cy = Math.min(Math.max(view.cy, margin), 1 - margin);
    const x = stage.clientWidth / 2 - view.cx * width * factor, y = stage.clientHeight / 2 - view.cy * height * factor;
    for (const canvas of stage.querySelectorAll("canvas")) {
      canvas.style.transform = `translate(${x}px, ${y}px) scale(${factor})`;
      canvas.style.imageRendering = factor >= 1 ? "pixelated" : "auto";
    }
    const percent = Math.round(view.at * 1000) / 10;
    halves.left.style.clipPath = `inset(0 ${100 - percent}% 0 0)`;
    divider.style.left = `${percent}%`;
    divider.setAttribute("aria-valuenow", String(Math.round(percent)));
    divider.setAttribute("aria-valuetext", `${Math.round(percent)} % from the left`);
    stage.classList.toggle("zoomed", view.zoom > 1);
    zoomSlider.value = String(view.zoom);
    element("zoom-value").textContent = `${fixed(view.zoom, view.zoom % 1 ? 1 : 0)}×`;
    element("zoom-scale").textContent = `shown at ${fixed(100 * factor, 0)} %`;
  }

  function setDivider(at) {
    view.at = Math.min(Math.max(at, 0), 1);
    place();
  }

  /** Zooms so that the picture's point under (x, y) of the stage, each 0 to 1, stays there. */
  function setZoom(zoom, x = 0.5, y = 0.5) {
    const next = Math.min(Math.max(zoom, 1), 8);
    view.cx += (x - 0.5) * (1 / view.zoom - 1 / next);
    view.cy += (y - 0.5) * (1 / view.zoom - 1 / next);
    view.zoom = next;
    place();
  }

  function pan(dx, dy) {
    view.cx -= dx / (stage.clientWidth * view.zoom);
    view.cy -= dy / (stage.clientHeight * view.zoom);
    place();
  }

  function listVersions() {
    const shown = new Set(Object.keys(sides).map((side) => layer(side).version));
    const row = (version) => create("tr", { class: shown.has(version) ? "shown" : null },
      create("td", { class: "text" },
        create("button", { type: "button", title: "Show on the right", onclick: () => choose(version) }, version.codec),
        create("small", {}, [version.setting, version.note].filter(Boolean).join("; "))),
      ...[count(version.bytes), rate(version.bpp), version.psnr === null ? "∞" : fixed(version.psnr, 2), fixed(version.ms_ssim, 4)]
        .map((text) => create("td", {}, text)));
    element("versions").replaceChildren(...view.picture.versions.map(row));
  }

  function choose(version) {
    sides.right.value = `picture-${view.picture.versions.indexOf(version)}`;
    show();
  }

  async function showSide(side) {
    const wanted = layer(side), picture = view.picture;
    element(`tag-${side}`).textContent = wanted.name;
    element(`caption-${side}`).textContent = wanted.version ? Layers.figures(wanted.version) : "24 bpp, uncompressed";
    const canvas = await Layers.draw(picture, wanted);
    if (picture === view.picture && wanted === layer(side)) halves[side].replaceChildren(canvas);
  }

  async function show() {
    for (const kind of ["error", "bits"]) {
      element(`scale-${kind}`).hidden = !Object.keys(sides).some((side) => layer(side).kind === kind);
    }
    listVersions();
    await Promise.all(Object.keys(sides).map(showSide));
    place();
    stage.dataset.ready = `${sides.left.value} ${sides.right.value}`;
  }

  function setPicture() {
    const chosen = Object.fromEntries(Object.entries(sides).map(([side, select]) => [side, select.value]));
    view.picture = data.pictures[Number(element("picture").value)];
    layers = Layers.listOf(view.picture);
    const groups = [...new Set(layers.map(({ group }) => group))];
    for (const [side, select] of Object.entries(sides)) {
      select.replaceChildren(...groups.map((group) => create("optgroup", { label: group },
        ...layers.filter((one) => one.group === group).map(({ id, name }) => create("option", { value: id }, name)))));
      const wanted = chosen[side] || (side === "left" ? "original" : "picture-0");
      select.value = layers.some(({ id }) => id === wanted) ? wanted : "original";
    }
    Object.assign(view, { zoom: 1, cx: 0.5, cy: 0.5 });
    fit();
    return show();
  }

  const within = (event) => {
    const box = stage.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  };

  /** Mouse, pen and touch alike: one pointer moves the divider, or the picture where it is enlarged; two zoom. */
  function followPointers() {
    const pointers = new Map();
    let moving = null, spread = 0;
    const distance = () => {
      const [a, b] = [...pointers.values()];
      return Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
    };
    stage.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      stage.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, event);
      moving = event.target === divider || view.zoom === 1 ? "divider" : "picture";
      if (pointers.size === 2) spread = distance();
      else if (moving === "divider") setDivider(within(event)[0]);
      stage.classList.toggle("panning", moving === "picture");
    });
    stage.addEventListener("pointermove", (event) => {
      const before = pointers.get(event.pointerId);
      if (!before) return;
      pointers.set(event.pointerId, event);
      if (pointers.size === 2) {
        const now = distance();
        setZoom((view.zoom * now) / Math.max(spread, 1), ...within(event));
        spread = now;
      } else if (moving === "divider") setDivider(within(event)[0]);
      else pan(event.clientX - before.clientX, event.clientY - before.clientY);
    });
    const release = (event) => {
      pointers.delete(event.pointerId);
      stage.classList.remove("panning");
    };
    stage.addEventListener("pointerup", release);
    stage.addEventListener("pointercancel", release);
    stage.addEventListener("dblclick", (event) => setZoom(view.zoom > 1 ? 1 : 4, ...within(event)));
    stage.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      setZoom(view.zoom * Math.exp(-event.deltaY / 200), ...within(event));
    }, { passive: false });
  }

  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  /** Keys on the divider: as a slider. Keys on the stage: arrows pan. On both, + and − zoom and 0 resets. */
  function followKeys() {
    stage.addEventListener("keydown", (event) => {
      const [dx, dy] = ARROWS[event.key] || [0, 0];
      const step = event.shiftKey ? 0.1 : 0.01;
      const jump = { Home: 0, End: 1, PageUp: view.at + 0.1, PageDown: view.at - 0.1 }[event.key];
      if (event.key === "+" || event.key === "=") setZoom(view.zoom + 1);
      else if (event.key === "-") setZoom(view.zoom - 1);
      else if (event.key === "0") setZoom(1);
      else if (event.target === divider && jump !== undefined) setDivider(jump);
      else if (event.target === divider && (dx || dy)) setDivider(view.at + (dx - dy) * step);
      else if (dx || dy) pan(-40 * dx, -40 * dy);
      else return;
      event.preventDefault();
    });
  }

  options(element("picture"), data.pictures.map(({ name }, index) => [String(index), name]));
  element("picture").addEventListener("change", setPicture);
  for (const select of Object.values(sides)) select.addEventListener("change", show);
  zoomSlider.addEventListener("input", () => setZoom(Number(zoomSlider.value)));
  element("zoom-reset").addEventListener("click", () => setZoom(1));
  element("swap").addEventListener("click", () => {
    [sides.left.value, sides.right.value] = [sides.right.value, sides.left.value];
    show();
  });
  element("ramp-error").style.background = cssRamp("error");
  element("ramp-bits").style.background = cssRamp("bits");
  element("bits-top").textContent = `${fixed(Layers.bitRange(), 0)} bits`;
  window.addEventListener("resize", () => { fit(); place(); });
  followPointers();
  followKeys();
  setPicture();
})();
