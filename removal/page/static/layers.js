/** What is marked, drawn over the photo: objects, their parts, strokes. All in photo coordinates. */
export const COLOURS = { object: "#e5484d", shadow: "#7c5cff", attached: "#f5a524", hand: "#e5484d", hover: "#ffffff" };

const paths = new WeakMap();

/** Outlines as a shape that can be filled, stroked and hit; made once. @param {number[][][]} outlines */
export function pathOf(outlines) {
  let path = paths.get(outlines);
  if (path) return path;
  path = new Path2D();
  for (const outline of outlines) {
    outline.forEach(([x, y], index) => (index ? path.lineTo(x + 0.5, y + 0.5) : path.moveTo(x + 0.5, y + 0.5)));
    path.closePath();
  }
  paths.set(outlines, path);
  return path;
}

const scratch = document.createElement("canvas").getContext("2d");

/** Whether a point lies in outlines. @param {number[][][]} outlines @param {number[]} point */
export const hits = (outlines, [x, y]) => scratch.isPointInPath(pathOf(outlines), x, y, "evenodd");

export function tint(context, path, colour, pixel) {
  context.globalAlpha = 0.42;
  context.fillStyle = colour;
  context.fill(path, "evenodd");
  context.globalAlpha = 1;
  context.strokeStyle = colour;
  context.lineWidth = 2 * pixel;
  context.stroke(path);
}

/** What goes with an object and is left. */
export function dashed(context, path, colour, pixel) {
  context.save();
  context.setLineDash([6 * pixel, 5 * pixel]);
  outline(context, path, colour, pixel);
  context.restore();
}

export function outline(context, path, colour, pixel) {
  context.strokeStyle = "#000a";
  context.lineWidth = 4 * pixel;
  context.stroke(path);
  context.strokeStyle = colour;
  context.lineWidth = 2 * pixel;
  context.stroke(path);
}

/** Draws one step that was painted by hand. */
export function drawStep(context, step, pixel) {
  const { points } = step;
  if (step.kind === "click") {
    if (step.outlines) tint(context, pathOf(step.outlines), COLOURS.hand, pixel);
    points.forEach(([x, y], index) => {
      context.beginPath();
      context.arc(x, y, 5 * pixel, 0, 7);
      context.fillStyle = step.labels[index] ? "#18a957" : "#c62828";
      context.fill();
      context.strokeStyle = "#fff";
      context.lineWidth = 2 * pixel;
      context.stroke();
    });
    return;
  }
  if (!points) return;
  context.save();
  context.globalAlpha = step.erase ? 1 : 0.45;
  context.globalCompositeOperation = step.erase ? "destination-out" : "source-over";
  context.strokeStyle = context.fillStyle = COLOURS.hand;
  context.lineCap = context.lineJoin = "round";
  context.beginPath();
  if (step.kind === "box") {
    const [[x0, y0], [x1, y1]] = points;
    context.fillRect(Math.min(x0, x1), Math.min(y0, y1), Math.abs(x1 - x0), Math.abs(y1 - y0));
  } else {
    points.forEach(([x, y], index) => (index ? context.lineTo(x, y) : context.moveTo(x, y)));
    if (step.kind === "brush") {
      context.lineWidth = step.size_px;
      if (points.length === 1) context.lineTo(points[0][0] + 0.01, points[0][1]);
      context.stroke();
    } else {
      context.fill("evenodd");
    }
  }
  context.restore();
}
