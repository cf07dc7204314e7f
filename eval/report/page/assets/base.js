"use strict";
/* What the other scripts share: the data, formats, elements, colour ramps and the charts' look. */
const Report = (() => {
  const data = JSON.parse(document.getElementById("data").textContent);

  const element = (id) => document.getElementById(id);

  /** A new element; texts are never parsed as HTML, because file and codec names may hold anything. */
  function create(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else if (value !== null && value !== undefined) node.setAttribute(name, value);
    }
    node.append(...children.filter((child) => child !== null));
    return node;
  }

  /** Text for a chart's labels, which know some tags. */
  const escape = (text) =>
    String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

  const fixed = (value, digits) => (value === null || value === undefined ? "–" : value.toFixed(digits));
  const rate = (value) => fixed(value, value !== null && value < 0.1 ? 4 : 3);
  const count = (value) => value.toLocaleString("en-GB");

  /** Colour of a ramp at `position` 0 to 1, [r, g, b] of 255. */
  function rampColor(name, position) {
    const stops = data.ramps[name];
    const at = Math.min(Math.max(position, 0), 1) * (stops.length - 1);
    const low = Math.min(Math.floor(at), stops.length - 2);
    const channel = (stop, i) => parseInt(stops[stop].slice(1 + 2 * i, 3 + 2 * i), 16);
    return [0, 1, 2].map((i) => Math.round(channel(low, i) + (at - low) * (channel(low + 1, i) - channel(low, i))));
  }

  const cssRamp = (name) => `linear-gradient(to right, ${data.ramps[name].join(", ")})`;
  const plotRamp = (name) => data.ramps[name].map((color, i, all) => [i / (all.length - 1), color]);

  const variable = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  /** The look of all charts in the page's present colours. */
  function chartLayout(layout) {
    const ink = variable("--ink"), muted = variable("--muted"), rule = variable("--rule");
    const axis = {
      gridcolor: rule, linecolor: variable("--strong-rule"), zeroline: false, ticks: "outside", ticklen: 4,
      tickcolor: variable("--strong-rule"), tickfont: { color: muted, size: 12 }, automargin: true, showline: true,
    };
    return {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", dragmode: "zoom", showlegend: false,
      font: { family: variable("--sans"), size: 13, color: ink }, margin: { l: 56, r: 12, t: 12, b: 52 },
      hoverlabel: { bgcolor: variable("--raised"), bordercolor: muted, align: "left", font: { color: ink, size: 13 } },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: muted, activecolor: variable("--accent") },
      ...layout,
      xaxis: { ...axis, ...layout.xaxis }, yaxis: { ...axis, ...layout.yaxis },
    };
  }

  const chartOptions = {
    // Buttons by name: plotly's own choice has one that sends the chart to its makers.
    responsive: true, displaylogo: false, displayModeBar: true, modeBarButtons: [["toImage", "zoomIn2d", "zoomOut2d", "resetScale2d"]],
  };
  const charts = [];

  /** Draws a chart now and again whenever the colour scheme changes; `make` gives [traces, layout]. */
  function chart(id, make) {
    const draw = () => {
      const [traces, layout] = make();
      return Plotly.react(element(id), traces, chartLayout(layout), chartOptions);
    };
    charts.push(draw);
    draw();
    return draw;
  }

  const redraw = () => charts.forEach((draw) => draw());
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  window.addEventListener("beforeprint", redraw);
  window.addEventListener("afterprint", redraw);

  const label = (codec, setting) => data.codecs[codec].labels[setting] || "";
  const options = (select, entries) =>
    select.replaceChildren(...entries.map(([value, text]) => create("option", { value }, text)));

  return { data, element, create, escape, fixed, rate, count, rampColor, cssRamp, plotRamp, variable, chart, label, options };
})();
