// Pictures side by side, each with what lies over it: heat (the picture is grey then, so that the only colours are those
// of the scale), rectangles in the picture's own pixels.
// data: {frames: [{title, note, alt, src, width, height, pixelated, heat: {src, scale: {png, low, high}, unit} | null,
// boxes: [{kind: "field" | "outside" | "crop", top, left, bottom, right, label}]}]}

let opacity = 60 // of heat, in percent; the visitor's choice holds for all methods

export default component(({ data, root }) => {
  root.querySelector(".frames")?.remove()
  const row = html(root, "div", { class: "frames" })
  for (const frame of data.frames) drawFrame(row, frame)
})

// How far boxes reach beyond the picture, up to a fifth of its sides.
function margin({ boxes, width, height }) {
  const room = 0.2 * Math.max(width, height)
  const over = Math.max(0, ...boxes.flatMap((box) => [-box.top, -box.left, box.bottom - height, box.right - width]))
  return Math.min(room, over)
}

function drawFrame(row, frame) {
  const figure = html(row, "figure", { class: "frame" })
  titleLine(figure, frame.title, frame.note)
  const space = margin(frame)
  const { width, height } = frame
  const picture = svg(figure, "svg", {
    class: "canvas", role: "img", "aria-label": frame.alt, "data-frame": frame.title,
    viewBox: `${-space} ${-space} ${width + 2 * space} ${height + 2 * space}`,
    style: `aspect-ratio:${width + 2 * space} / ${height + 2 * space};max-width:${26 * (width + 2 * space) / (height + 2 * space)}rem`,
  })
  const image = (src, extra) => svg(picture, "image", {
    href: src, x: 0, y: 0, width, height, preserveAspectRatio: "none", ...extra,
  })
  image(frame.src, { class: `${frame.pixelated ? "pixelated" : ""} ${frame.heat ? "grey" : ""}` })
  const heatmap = frame.heat && image(frame.heat.src, { class: "pixelated", opacity: opacity / 100 })
  for (const box of frame.boxes) {
    const place = { x: box.left, y: box.top, width: box.right - box.left, height: box.bottom - box.top }
    svg(picture, "rect", { ...place, class: `under ${box.kind}` }) // seen on light and dark pictures alike
    const rect = svg(picture, "rect", { ...place, class: `box ${box.kind}`, "data-kind": box.kind })
    svg(rect, "title", {}, box.label)
  }
  if (heatmap) drawHeatmap(figure, frame.heat, heatmap)
}

function drawHeatmap(figure, data, heatmap) {
  colorScale(figure, data.scale, data.unit)
  const label = html(figure, "label", { class: "opacity" }, "Opacity")
  const slider = html(label, "input", { type: "range", min: 0, max: 100, value: opacity, "aria-label": "Opacity of the heat" })
  slider.addEventListener("input", () => {
    opacity = Number(slider.value)
    heatmap.setAttribute("opacity", opacity / 100)
  })
}
