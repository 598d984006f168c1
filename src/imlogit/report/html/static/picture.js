// A picture from disk or from the clipboard -> planes of pixels, upright and laid over white.
"use strict";
var imlogit = window.imlogit || (window.imlogit = {});

imlogit.picture = (() => {
  const { fitted } = imlogit.resample;
  const MOST_PIXELS = 50e6;

  // EXIF's eight orientations as what maps the picture as it lies, of size 1 x 1, to an upright one.
  const TURNS = [
    [1, 0, 0, 1, 0, 0],
    [-1, 0, 0, 1, 1, 0],
    [-1, 0, 0, -1, 1, 1],
    [1, 0, 0, -1, 0, 1],
    [0, 1, 1, 0, 0, 0],
    [0, 1, -1, 0, 1, 0],
    [0, -1, -1, 0, 1, 1],
    [0, -1, 1, 0, 0, 1],
  ];

  // Which side is up in a WebP, 1 to 8: browsers leave its EXIF data unread.
  async function orientationOfWebp(file) {
    const view = new DataView(await file.arrayBuffer());
    const word = (at) => (at + 4 <= view.byteLength ? view.getUint32(at) : 0);
    if (word(0) !== 0x52494646 || word(8) !== 0x57454250) return 1;
    for (let at = 12; at + 8 <= view.byteLength; ) {
      const length = view.getUint32(at + 4, true);
      if (word(at) === 0x45584946) return orientation(view, at + 8);
      at += 8 + length + (length % 2);
    }
    return 1;
  }

  function orientation(view, start) {
    try {
      const tiff = view.getUint32(start) === 0x45786966 ? start + 6 : start;
      const little = view.getUint16(tiff) === 0x4949;
      const first = tiff + view.getUint32(tiff + 4, little);
      for (let i = 0; i < view.getUint16(first, little); i++) {
        const entry = first + 2 + 12 * i;
        const found = view.getUint16(entry + 8, little);
        if (view.getUint16(entry, little) === 0x0112) return found >= 1 && found <= 8 ? found : 1;
      }
    } catch {
      // The pixels are sound, whatever is said about them.
    }
    return 1;
  }

  // Colours as they stand in the file, the right side up; decoded by the browser, without an <img>.
  async function decoded(file) {
    const turn = await orientationOfWebp(file);
    const bitmap = await createImageBitmap(file, {
      imageOrientation: "from-image",
      colorSpaceConversion: "none",
    });
    const lies = turn > 4;
    const width = lies ? bitmap.height : bitmap.width;
    const height = lies ? bitmap.width : bitmap.height;
    if (width * height > MOST_PIXELS) throw new Error("too many pixels");
    const canvas = document.createElement("canvas");
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.fillStyle = "#fff";
    context.fillRect(0, 0, width, height);
    const [a, b, c, d, e, f] = TURNS[turn - 1];
    context.setTransform(a, b, c, d, e * width, f * height);
    context.drawImage(bitmap, 0, 0);
    bitmap.close();
    return context.getImageData(0, 0, width, height);
  }

  function planes({ width, height, data }) {
    return [0, 1, 2].map((channel) => {
      const values = new Uint8Array(width * height);
      for (let i = 0; i < values.length; i++) values[i] = data[4 * i + channel];
      return { width, height, values };
    });
  }

  // Pillow's "L".
  function grey({ width, height, data }) {
    const values = new Uint8Array(width * height);
    for (let i = 0; i < values.length; i++) {
      const sum = 19595 * data[4 * i] + 38470 * data[4 * i + 1] + 7471 * data[4 * i + 2];
      values[i] = (sum + 0x8000) >> 16;
    }
    return { width, height, values };
  }

  // Pixels as a model of these shapes takes them, row by row.
  function pixels(image, [height, width, channels], fit) {
    const found = (channels === 3 ? planes(image) : [grey(image)]).map((plane) =>
      fitted(plane, width, height, fit),
    );
    const n = found.length;
    const all = new Uint8Array(height * width * n);
    found.forEach((plane, c) => plane.values.forEach((value, i) => (all[i * n + c] = value)));
    return all;
  }

  // The first picture among what was pasted or dropped.
  function among(transfer) {
    return [...(transfer?.files ?? [])].find((file) => file.type.startsWith("image/"));
  }

  return { decoded, grey, pixels, among };
})();
