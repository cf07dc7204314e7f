"use strict";
/* Rate–distortion curves: of means or of one image, with a legend that both charts obey. */
(() => {
  const { data, element, create, escape, fixed, rate, label, options, chart, variable } = Report;
  if (!element("rd-psnr")) return;
  const NAMES = { psnr: "PSNR", ms_ssim_db: "MS-SSIM" };
  const hidden = new Set();
  const chosen = element("rd-image");
  options(chosen, [["", data.images.length === 1 ? "the one image" : `mean of ${data.images.length} images`], ...data.images.map((name, i) => [String(i), name])]);

  /** [codec, setting, bpp, PSNR, MS-SSIM, dB, [further measures]] of each point that is to be drawn. */
  const measured = () =>
    chosen.value === "" ? data.means : data.records.filter((r) => r[0] === Number(chosen.value)).map((r) => r.slice(1));

  function hover(name, setting, bpp, psnr, similarity, db, others) {
    const quality = [psnr === null ? null : `PSNR ${fixed(psnr, 2)} dB`];
    if (db !== null) quality.push(`MS-SSIM ${similarity === null ? "" : `${fixed(similarity, 4)} = `}${fixed(db, 2)} dB`);
    others.forEach((value, i) => {
      const { title, unit, digits } = data.metrics[i];
      if (value !== null) quality.push(`${escape(title)} ${fixed(value, digits)}${unit}`);
    });
    const lines = [`<b>${escape(name)}</b>${setting ? `  ${escape(setting)}` : ""}`, `${rate(bpp)} bits per pixel`];
    return [...lines, ...quality.filter((line) => line !== null)].join("<br>");
  }

  const publishedHover = (curve, bpp, quality) => [
    `<b>${escape(curve.name)}</b>  published`, `${rate(bpp)} bits per pixel`, `${NAMES[curve.metric]} ${fixed(quality, 2)} dB`,
    ...(curve.caveat ? [escape(curve.caveat)] : []),
  ].join("<br>");

  function trace(name, look, points, emphasis, dashed) {
    const sorted = points.filter((p) => p.y !== null).sort((a, b) => a.x - b.x);
    return {
      type: "scatter", name: escape(name), mode: sorted.length > 1 ? "lines+markers" : "markers", cliponaxis: true,
      x: sorted.map((p) => p.x), y: sorted.map((p) => p.y), text: sorted.map((p) => p.text),
      hovertemplate: "%{text}<extra></extra>", visible: !hidden.has(name), opacity: dashed ? 0.8 : 1,
      line: { color: look.color, width: emphasis ? 3 : dashed ? 1.2 : 1.7, dash: dashed ? "dash" : "solid" },
      marker: {
        color: look.color, symbol: look.symbol + (dashed ? "-open" : ""), size: emphasis ? 13 : dashed ? 5 : 6.5, opacity: 1,
        line: emphasis ? { color: variable("--ground"), width: 2 } : { color: look.color, width: dashed ? 1.2 : 0 },
      },
    };
  }

  /** Traces of one quality; `of` takes it from a measured point. */
  function traces(metric, of) {
    const points = measured();
    const ours = data.codecs.map((codec, index) =>
      trace(
        codec.name, codec,
        points.filter((p) => p[0] === index).map((p) => (
          { x: p[2], y: of(p), text: hover(codec.name, label(index, p[1]), ...p.slice(2, 7)) })),
        codec.kind === "ours", false,
      ));
    const published = chosen.value !== "" ? [] : data.published.filter((curve) => curve.metric === metric).map((curve) =>
      trace(
        `published ${curve.name}`, curve,
        curve.points.map(([x, y]) => ({ x, y, text: publishedHover(curve, x, y) })),
        false, true,
      ));
    // Ours last: drawn on top.
    return [...published, ...ours.filter((_, i) => data.codecs[i].kind !== "ours"), ...ours.filter((_, i) => data.codecs[i].kind === "ours")];
  }

  /** Axes over what was measured: published curves may go far beyond. */
  function axes(of, title) {
    const points = measured().filter((p) => of(p) !== null);
    const axis = { title: { text: "bits per pixel" } };
    if (!points.length) return { xaxis: axis, yaxis: { title: { text: title } } };
    const qualities = points.map(of);
    const low = Math.min(...qualities), high = Math.max(...qualities), margin = Math.max(0.06 * (high - low), 0.3);
    return {
      hovermode: "closest",
      // Zooming survives a click on the legend, but not another image.
      uirevision: chosen.value,
      xaxis: { ...axis, range: [0, 1.06 * Math.max(...points.map((p) => p[2]))] },
      yaxis: { title: { text: title }, range: [low - margin, high + margin] },
    };
  }
  const drawn = (id, metric, of, title) => chart(id, () => [traces(metric, of), axes(of, title)]);
  const draws = [
    drawn("rd-psnr", "psnr", (p) => p[3], "PSNR (dB)"),
    ...(element("rd-ms-ssim") ? [drawn("rd-ms-ssim", "ms_ssim_db", (p) => p[5], "MS-SSIM (dB)")] : []),
    ...data.metrics.map(({ title, label: axis }, i) => drawn(`rd-metric-${i}`, title, (p) => p[6][i], axis)),
  ];
  const redraw = () => draws.forEach((draw) => draw());
  chosen.addEventListener("change", redraw);

  /** Corners of the markers that are regular polygons, and the turn of the first one. */
  const POLYGONS = {
    square: [4, 45], diamond: [4, 0], "triangle-up": [3, 0], "triangle-down": [3, 180], "triangle-left": [3, 270],
    pentagon: [5, 0], hexagon: [6, 0],
  };
  /** Markers of four arms, or five: corners alternate between two radii. */
  const STARS = { cross: [4, 0], x: [4, 45], star: [5, 0] };

  function markerPath(symbol, x, y, radius) {
    const corner = (turn, r) => `${x + r * Math.sin(turn)},${y - r * Math.cos(turn)}`;
    const [count, degrees] = POLYGONS[symbol] || STARS[symbol] || [24, 0];
    const steps = STARS[symbol] ? 2 * count : count;
    const corners = Array.from({ length: steps }, (_, i) =>
      corner((2 * Math.PI * i) / steps + (degrees * Math.PI) / 180, STARS[symbol] && i % 2 ? 0.4 * radius : radius));
    return `M${corners.join("L")}Z`;
  }

  /** A curve's line and marker, for the legend. */
  function swatch(look, dashed) {
    const space = "http://www.w3.org/2000/svg";
    const svg = document.createElementNS(space, "svg");
    const set = (node, attributes) => Object.entries(attributes).forEach(([name, value]) => node.setAttribute(name, value));
    const add = (tag, attributes) => set(svg.appendChild(document.createElementNS(space, tag)), attributes);
    set(svg, { width: 28, height: 12, "aria-hidden": "true" });
    add("line", { x1: 0, x2: 28, y1: 6, y2: 6, stroke: look.color, "stroke-width": 2, "stroke-dasharray": dashed ? "4 3" : "none" });
    add("path", { d: markerPath(look.symbol, 14, 6, 5), fill: dashed ? "var(--ground)" : look.color, stroke: look.color, "stroke-width": 1.2 });
    return svg;
  }

  const buttons = new Map();

  function setShown(keys, shown) {
    for (const key of keys) {
      if (shown) hidden.delete(key);
      else hidden.add(key);
      buttons.get(key).setAttribute("aria-pressed", String(shown));
    }
    redraw();
  }

  function toggle(key, name, look, dashed, title) {
    const onclick = () => setShown([key], hidden.has(key));
    buttons.set(key, create("button", { type: "button", "aria-pressed": "true", title, onclick }, swatch(look, dashed), name));
    return create("li", {}, buttons.get(key));
  }

  function publishedGroup() {
    const keys = data.published.map((curve) => `published ${curve.name}`);
    const all = (shown, text) => create("button", { type: "button", class: "plain", onclick: () => setShown(keys, shown) }, text);
    return create("li", { class: "group" }, "Published: ", all(true, "show all"), " ", all(false, "hide all"));
  }

  element("rd-legend").replaceChildren(
    ...data.codecs.map((codec) => toggle(codec.name, codec.name, codec, false, `Show or hide ${codec.name}`)),
    ...(data.published.length ? [publishedGroup()] : []),
    ...data.published.map((curve) => toggle(`published ${curve.name}`, curve.name, curve, true, `Source: ${curve.source}`)),
  );
})();
