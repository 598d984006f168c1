// A picture from disk or from the clipboard -> planes of pixels, upright and laid over white.
"use strict";
var imlogit = window.imlogit || (window.imlogit = {});

imlogit.picture = (() => {
  const { fitted } = imlogit.resample;
  const MOST_PIXELS = 50e6;

  // Colours as they stand in the file, the right side up; decoded by the browser, without an <img>.
  async function decoded(file) {
    const bitmap = await createImageBitmap(file, {
      imageOrientation: "from-image",
      colorSpaceConversion: "none",
    });
    const { width, height } = bitmap;
    if (width * height > MOST_PIXELS) throw new Error("too many pixels");
    const canvas = document.createElement("canvas");
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.fillStyle = "#fff";
    context.fillRect(0, 0, width, height);
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
