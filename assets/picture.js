// Pictures side by side, each with what lies over it: heat (the picture is grey then, so that the only colours are those
// of the scale), rectangles in the picture's own pixels.
// data: {frames: [{title, note, alt, src, width, height, pixelated, heat: {src, scale: {png, low, high}, unit, box: the
// part of the picture that it lies over, all where there is none} | null,
// boxes: [{kind: "field" | "outside" | "crop", top, left, bottom, right, label}], place}]}
// trigger "place", of a frame that has it: [across, down] of a press or a drag, as shares of the picture's sides.

let opacity = 60 // of heat, in percent; the visitor's choice holds for all methods

export default component(({ data, root, memory }) => {
  for (const old of root.querySelectorAll(".frames, .opacity")) old.remove()
  const row = html(root, "div", { class: "frames" })
  for (const frame of data.frames) {
    const picture = drawFrame(row, frame)
    if (frame.place) takePresses(picture, memory.commands)
  }
  if (data.frames.some((frame) => frame.heat)) drawOpacity(root)
})

function takePresses(picture, commands) {
  picture.classList.add("place")
  const at = (event) => {
    const frame = picture.getBoundingClientRect()
    return [(event.clientX - frame.left) / frame.width, (event.clientY - frame.top) / frame.height]
  }
  picture.addEventListener("pointerdown", (event) => {
    if (event.button) return
    event.preventDefault()
    picture.setPointerCapture(event.pointerId)
    commands.offer("place", at(event))
  })
  picture.addEventListener("pointermove", (event) => picture.hasPointerCapture(event.pointerId) && commands.offer("place", at(event)))
}

// How far boxes reach beyond the picture, up to a fifth of its sides.
function margin({ boxes, width, height }) {
  const room = 0.2 * Math.max(width, height)
  const over = Math.max(0, ...boxes.flatMap((box) => [-box.top, -box.left, box.bottom - height, box.right - width]))
  return Math.min(room, over)
}

function drawFrame(row, frame) {
  const figure = html(row, "figure", { class: "frame" })
  const title = titleLine(figure, frame.title, frame.note)
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
  if (frame.heat) image(frame.heat.src, { class: "pixelated heat", opacity: opacity / 100, ...over(frame.heat.box) })
  for (const box of frame.boxes) {
    const place = { x: box.left, y: box.top, width: box.right - box.left, height: box.bottom - box.top }
    svg(picture, "rect", { ...place, class: `under ${box.kind}` }) // seen on light and dark pictures alike
    const rect = svg(picture, "rect", { ...place, class: `box ${box.kind}`, "data-kind": box.kind })
    svg(rect, "title", {}, box.label)
  }
  if (frame.heat) colorScale(figure, frame.heat.scale, frame.heat.unit)
  const tool = html(html(title, "span", { class: "push" }), "button", { class: "tool", type: "button", title: `Save ${frame.title} as PNG` }, "PNG")
  tool.addEventListener("click", () => savePicture(picture, frame.title, "png"))
  return picture
}

const over = (box) => box && { x: box.left, y: box.top, width: box.right - box.left, height: box.bottom - box.top }

// One slider for the heat of all frames.
function drawOpacity(root) {
  const label = html(root, "label", { class: "opacity" }, "Opacity")
  const slider = html(label, "input", { type: "range", min: 0, max: 100, value: opacity, "aria-label": "Opacity of the heat" })
  slider.addEventListener("input", () => {
    opacity = Number(slider.value)
    for (const heat of root.querySelectorAll(".heat")) heat.setAttribute("opacity", opacity / 100)
  })
}
