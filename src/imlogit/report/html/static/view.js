// What is shown of an answer: the label, a bar for each class, the pixels seen, the evidence.
"use strict";
var imlogit = window.imlogit || (window.imlogit = {});

imlogit.view = (() => {
  const MOST_BARS = 10;
  // The side of the evidence picture in pixels, and the least cell that an outline is seen in.
  const PICTURE = 336;
  const LEAST_OUTLINED = 5;

  function percent(p) {
    if (p > 0.9995) return "> 99.9%";
    if (p < 0.0005) return "< 0.1%";
    return `${(100 * p).toFixed(1)}%`;
  }

  // A class's name, whose writing direction stays its own.
  function named(name) {
    const element = document.createElement("bdi");
    element.textContent = name;
    return element;
  }

  function bar() {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    svg.setAttribute("viewBox", "0 0 100 10");
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("aria-hidden", "true");
    rect.setAttribute("height", "10");
    svg.append(rect);
    return svg;
  }

  function row() {
    const line = document.createElement("tr");
    const head = document.createElement("th");
    head.scope = "row";
    const drawn = document.createElement("td");
    drawn.append(bar());
    const said = document.createElement("td");
    line.append(head, drawn, said);
    return line;
  }

  // All classes in their order, or the most probable ones where there are many.
  function shownClasses(names, said) {
    const codes = names.map((_, code) => code);
    if (names.length <= MOST_BARS) return codes;
    return (said ? codes.sort((a, b) => said[b] - said[a]) : codes).slice(0, MOST_BARS);
  }

  function bars(body, names, answer) {
    const codes = shownClasses(names, answer?.probabilities);
    while (body.rows.length < codes.length) body.append(row());
    codes.forEach((code, i) => {
      const [head, drawn, said] = body.rows[i].cells;
      const p = answer ? answer.probabilities[code] : 0;
      if (head.textContent !== names[code]) head.replaceChildren(named(names[code]));
      drawn.querySelector("rect").setAttribute("width", 100 * p);
      said.textContent = answer ? percent(p) : "";
      body.rows[i].classList.toggle("pad-said", answer?.label === code);
    });
  }

  function seen(canvas, [height, width, channels], pixels) {
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, width, height);
    if (pixels === null) return;
    const image = context.createImageData(width, height);
    for (let i = 0; i < width * height; i++) {
      for (let c = 0; c < 3; c++) image.data[4 * i + c] = pixels[channels === 3 ? 3 * i + c : i];
      image.data[4 * i + 3] = 255;
    }
    context.putImageData(image, 0, 0);
  }

  // Full squares speak for a class, outlines against it; the larger, the more.
  function evidence(canvas, [height, width], terms) {
    const cell = Math.max(1, Math.floor(PICTURE / Math.max(height, width)));
    canvas.width = cell * width;
    canvas.height = cell * height;
    if (terms === null) return;
    const context = canvas.getContext("2d");
    const style = getComputedStyle(canvas);
    const most = terms.reduce((a, b) => Math.max(a, Math.abs(b)), 0) || 1;
    const colours = { accent: style.outlineColor, ink: style.color };
    context.strokeStyle = colours.ink;
    context.lineWidth = Math.max(1, cell / 9);
    terms.forEach((term, i) => {
      const side = cell * Math.sqrt(Math.abs(term) / most);
      if (side < 1) return;
      const left = (i % width) * cell + (cell - side) / 2;
      const top = Math.floor(i / width) * cell + (cell - side) / 2;
      context.fillStyle = term > 0 ? colours.accent : colours.ink;
      if (term > 0 || cell < LEAST_OUTLINED) context.fillRect(left, top, side, side);
      else outline(context, left, top, side);
    });
  }

  function outline(context, left, top, side) {
    const line = context.lineWidth;
    const inner = Math.max(side - line, 0.5);
    context.strokeRect(left + line / 2, top + line / 2, inner, inner);
  }

  return { bars, seen, evidence, percent, named };
})();
