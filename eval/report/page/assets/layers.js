"use strict";
/* What a side of the comparison can show, drawn on canvases: pictures, error maps and bit maps of their own size. */
const Layers = (() => {
  const { data, rampColor } = Report;
  const decoded = new Map();

  /** The pixels of an embedded picture, decoded once. */
  function pixelsOf(uri) {
    if (!decoded.has(uri)) {
      decoded.set(uri, new Promise((resolve, reject) => {
        const image = new Image();
        image.onload = () => resolve(image);
        image.onerror = () => reject(new Error("an embedded picture cannot be decoded"));
        image.src = uri;
      }));
    }
    return decoded.get(uri);
  }

  /** Everything that can be shown of a picture: {id, group, name, version}. */
  function listOf(picture) {
    const all = [{ id: "original", group: "Pictures", name: "Original", version: null }];
    const add = (kind, group, name) => picture.versions.forEach((version, index) => {
      if (kind !== "bits" || version.bits) all.push({ id: `${kind}-${index}`, kind, group, name: name(version), version });
    });
    const title = (version) => [version.codec, version.setting].filter(Boolean).join(", ");
    add("picture", "Pictures", title);
    add("error", "Absolute error", (version) => `Error of ${version.codec}`);
    add("bits", "Bits", (version) => `Bits of ${version.codec}`);
    return all;
  }

  /** Bits at which the bit maps' scale ends: one for all pictures. */
  const bitRange = () => Report.largest(data.pictures.flatMap((picture) => picture.versions)
    .filter((version) => version.bits).map((version) => Report.bitMap(version.bits, "")));

  const table = (name) => Uint8ClampedArray.from({ length: 256 * 3 }, (_, i) => rampColor(name, Math.floor(i / 3) / 255)[i % 3]);

  async function drawError(context, picture, version) {
    const { width, height } = picture;
    const read = async (uri) => {
      context.drawImage(await pixelsOf(uri), 0, 0);
      return context.getImageData(0, 0, width, height);
    };
    const original = (await read(picture.original)).data;
    const shown = await read(version.image);
    const pixels = shown.data, colors = table("error"), scale = 255 / (3 * data.error_range);
    for (let i = 0; i < pixels.length; i += 4) {
      const sum = Math.abs(pixels[i] - original[i]) + Math.abs(pixels[i + 1] - original[i + 1]) + Math.abs(pixels[i + 2] - original[i + 2]);
      const at = 3 * Math.min(Math.round(sum * scale), 255);
      pixels[i] = colors[at];
      pixels[i + 1] = colors[at + 1];
      pixels[i + 2] = colors[at + 2];
    }
    context.putImageData(shown, 0, 0);
  }

  function drawBits(context, version) {
    const rows = Report.bitMap(version.bits, ""), top = bitRange();
    rows.forEach((row, y) => row.forEach((bits, x) => {
      context.fillStyle = `rgb(${rampColor("bits", bits / top)})`;
      context.fillRect(16 * x, 16 * y, 16, 16);
    }));
  }

  /** Draws a layer at the picture's own size. The canvas is made afresh: a slower drawing cannot overtake a later one. */
  async function draw(picture, layer) {
    const canvas = Report.create("canvas", { width: picture.width, height: picture.height, role: "img", "aria-label": describe(picture, layer) });
    const context = canvas.getContext("2d", { willReadFrequently: layer.kind === "error" });
    if (layer.kind === "error") await drawError(context, picture, layer.version);
    else if (layer.kind === "bits") drawBits(context, layer.version);
    else context.drawImage(await pixelsOf(layer.version ? layer.version.image : picture.original), 0, 0);
    return canvas;
  }

  /** The figures of a version in one line. */
  function figures(version) {
    const { rate, fixed, count } = Report;
    const similarity = version.ms_ssim === null ? [] : [`MS-SSIM ${fixed(version.ms_ssim, 4)}`];
    const psnr = version.psnr === null ? "identical" : `${fixed(version.psnr, 2)} dB`;
    return [`${count(version.bytes)} bytes`, `${rate(version.bpp)} bpp`, psnr, ...similarity].join(" · ");
  }

  const describe = (picture, layer) =>
    `${picture.name}: ${layer.name}${layer.version ? `, ${figures(layer.version)}` : ""}`;

  return { listOf, draw, figures, bitRange };
})();
