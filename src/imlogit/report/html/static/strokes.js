// Strokes: points in parts of the pad's side, drawn as smooth lines at any size.
"use strict";
var imlogit = window.imlogit || (window.imlogit = {});

imlogit.strokes = (() => {
  // What the model is given is drawn at this size, with paper around it as the preparation expects.
  const SIDE = 256;
  const MARGIN = 16;

  // Through the middles between points, with the points as what the curve is drawn towards.
  function draw(context, strokes, side) {
    context.lineCap = "round";
    context.lineJoin = "round";
    for (const { points, width } of strokes) {
      const at = points.map(([x, y]) => [x * side, y * side]);
      context.lineWidth = width * side;
      context.beginPath();
      context.moveTo(...at[0]);
      for (let i = 1; i < at.length - 1; i++) {
        const [x, y] = at[i];
        context.quadraticCurveTo(x, y, (x + at[i + 1][0]) / 2, (y + at[i + 1][1]) / 2);
      }
      context.lineTo(...at[at.length - 1]);
      context.stroke();
    }
  }

  let context = null;

  // Black on white, whatever the page's colours and the screen's pixels are.
  function grey(strokes) {
    if (context === null) {
      const canvas = document.createElement("canvas");
      canvas.width = SIDE;
      canvas.height = SIDE;
      context = canvas.getContext("2d", { willReadFrequently: true, alpha: false });
    }
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = "#fff";
    context.fillRect(0, 0, SIDE, SIDE);
    context.translate(MARGIN, MARGIN);
    context.beginPath();
    context.save();
    context.rect(0, 0, SIDE - 2 * MARGIN, SIDE - 2 * MARGIN);
    context.clip();
    context.strokeStyle = "#000";
    draw(context, strokes, SIDE - 2 * MARGIN);
    context.restore();
    const { data } = context.getImageData(0, 0, SIDE, SIDE);
    const values = new Uint8Array(SIDE * SIDE);
    for (let i = 0; i < values.length; i++) values[i] = data[4 * i];
    return { width: SIDE, height: SIDE, values };
  }

  return { draw, grey };
})();
