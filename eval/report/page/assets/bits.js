"use strict";
/* Where the bits go: bits per slice as stacked bars, and bits by latent position as a heat map. */
(() => {
  const { data, element, create, escape, fixed, rate, count, label, options, chart, rampColor, plotRamp, variable } = Report;

  const stream = (index) => (index === 0 ? "z" : `slice ${index}`);
  const named = (codec, setting) => [data.codecs[codec].name, label(codec, setting)].filter(Boolean).join(", ");

  /** [codec, setting] of everything that has slices. */
  const models = [...new Map(data.slices.map(([, codec, setting]) => [`${codec} ${setting}`, [codec, setting]])).values()];
  const filesOf = ([codec, setting]) => data.slices.filter((file) => file[1] === codec && file[2] === setting);

  function meanOf(model) {
    const files = filesOf(model).map((file) => file[3]);
    return files[0].map((_, i) => files.reduce((sum, bits) => sum + bits[i], 0) / files.length);
  }

  function bars() {
    const chosen = element("slices-by");
    options(chosen, [["", "means of every model"], ...models.map((model, i) => [String(i), `images, ${named(...model)}`])]);
    if (models.length === 1) chosen.value = "0";
    const rows = () => chosen.value === ""
      ? models.map((model) => [named(...model), meanOf(model)])
      : filesOf(models[Number(chosen.value)]).map((file) => [data.images[file[0]], file[3]]);
    const draw = chart("slices", () => {
      const shown = rows();
      const streams = Math.max(...shown.map(([, bits]) => bits.length));
      const traces = Array.from({ length: streams }, (_, i) => ({
        type: "bar", name: stream(i), x: shown.map(([name]) => escape(name)), y: shown.map(([, bits]) => bits[i] ?? null),
        marker: { color: `rgb(${rampColor("bits", 0.06 + (0.8 * i) / Math.max(streams - 1, 1))})`, line: { width: 0 } },
        text: shown.map(([name, bits]) => {
          const share = (100 * (bits[i] ?? 0)) / bits.reduce((sum, b) => sum + b, 0);
          return `<b>${escape(name)}</b><br>${stream(i)}: ${fixed(bits[i], 4)} bits per pixel<br>${fixed(share, 1)} % of all streams`;
        }),
        textposition: "none", hovertemplate: "%{text}<extra></extra>",
      }));
      const layout = {
        barmode: "stack", bargap: shown.length < 6 ? 0.6 : 0.25, showlegend: true,
        legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", traceorder: "normal" },
        margin: { l: 56, r: 12, t: 40, b: 52 },
        xaxis: { type: "category", showgrid: false, title: { text: "" } }, yaxis: { title: { text: "bits per pixel" }, rangemode: "tozero" },
      };
      return [traces, layout];
    });
    chosen.addEventListener("change", draw);
  }

  /** Rows of bits by latent position: of one stream, or the sum over the slices. */
  const mapOf = (bits, which) =>
    which !== "" ? bits[Number(which)]
      : bits[1].map((row, y) => row.map((_, x) => bits.slice(1).reduce((sum, slice) => sum + slice[y][x], 0)));

  /** The largest number in nested lists, at least 1: the end of a scale. */
  const largest = (values) => values.flat(Infinity).reduce((most, value) => Math.max(most, value), 1);

  function maps() {
    const choices = data.pictures.flatMap((picture, p) =>
      picture.versions.map((version, v) => [picture, version, `${p}:${v}`]).filter(([, version]) => version.bits));
    const chosen = element("map-picture"), which = element("map-stream");
    options(chosen, choices.map(([picture, version, key]) => [key, `${picture.name}, ${version.codec}`]));
    const current = () => choices.find(([, , key]) => key === chosen.value);
    const streams = choices[0][1].bits.length;
    options(which, [["", "all slices"], ...Array.from({ length: streams }, (_, i) => [String(i), stream(i)])]);
    // One scale a stream for all pictures, so that they can be compared.
    const top = () => largest(choices.map(([, version]) => mapOf(version.bits, which.value)));
    const draw = chart("map", () => {
      const [picture, version] = current();
      const side = which.value === "0" ? 64 : 16;
      const rows = mapOf(version.bits, which.value);
      const trace = {
        type: "heatmap", z: rows, x0: side / 2, dx: side, y0: side / 2, dy: side, zmin: 0, zmax: top(),
        colorscale: plotRamp("bits"), hovertemplate: "%{z:.1f} bits<br>around x %{x}, y %{y}<extra></extra>",
        colorbar: { title: { text: "bits", side: "right" }, thickness: 12, outlinewidth: 0, tickcolor: variable("--muted") },
      };
      const ratio = picture.height / picture.width;
      const width = element("map").clientWidth;
      const layout = {
        height: Math.min((width - 120) * ratio + 70, 560),
        xaxis: { title: { text: "x (pixels)" }, range: [0, picture.width], constrain: "domain", showgrid: false },
        yaxis: { title: { text: "y (pixels)" }, range: [picture.height, 0], scaleanchor: "x", constrain: "domain", showgrid: false },
      };
      return [[trace], layout];
    });
    const show = () => {
      const [picture, version] = current();
      const total = mapOf(version.bits, which.value).flat().reduce((sum, b) => sum + b, 0);
      element("map-image").src = picture.original;
      element("map-image").alt = `Original of ${picture.name}`;
      element("map-caption").textContent =
        `${picture.name}, ${version.codec}: ${count(Math.round(total))} bits in ` +
        `${which.value === "" ? "all slices" : stream(Number(which.value))}, ` +
        `${rate(total / (picture.width * picture.height))} bits per pixel of a file of ${count(8 * version.bytes)} bits.`;
      draw();
    };
    chosen.addEventListener("change", show);
    which.addEventListener("change", show);
    show();
  }

  if (element("slices")) bars();
  if (element("map")) maps();
  Object.assign(Report, { bitMap: mapOf, largest });
})();
