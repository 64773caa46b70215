// Probabilities of classes over the range of one parameter, the present value marked.
// data: {title, note, alt, unit, values, now, lines: [{label, colour: {light, dark}, shares: [...], text}]}

export default component(({ data, root, memory, tip }) => {
  const area = root.querySelector(".area") || html(root, "div", { class: "area" })
  onWidth(root, memory, (width) => {
    area.replaceChildren()
    const tools = pictureTools(titleLine(area, data.title, data.note))
    const picture = drawLines(area, data, Math.max(260, Math.min(width, 760)), tip)
    for (const tool of tools) tool.addEventListener("click", () => savePicture(picture, data.title, tool.value))
    markerLegend(area, data.lines)
  })
})

function drawLines(area, data, width, tip) {
  const left = 42, right = width - 12, top = 8, bottom = 210
  const picture = plot(area, width, bottom + 36, data.alt, "img")
  picture.style.maxWidth = "100%"
  const [low, high] = [data.values[0], data.values.at(-1)]
  const x = (value) => left + ((right - left) * (value - low)) / (high - low)
  const y = (share) => bottom - (bottom - top) * share
  gridRows(picture, [0, 0.25, 0.5, 0.75, 1], y, left, right, (share) => formatShare(share, 0))
  gridColumns(picture, ticks({ low, high }, width < 420 ? 4 : 8), x, top, bottom, (value) => minus(`${value} ${data.unit}`))
  svg(picture, "line", { class: "now", x1: x(data.now), x2: x(data.now), y1: top, y2: bottom })
  const at = data.values.indexOf(data.now)
  data.lines.forEach((line, index) => {
    svg(picture, "path", { class: "line", d: course(data.values.map((value, place) => [x(value), y(line.shares[place])])), style: `stroke:${color(line)}` })
    if (at >= 0) marker(picture, index, x(data.now), y(line.shares[at]), 5, color(line))
  })
  const over = svg(picture, "rect", { x: left, y: top, width: right - left, height: bottom - top, fill: "transparent" })
  over.addEventListener("pointermove", (event) => {
    const frame = picture.getBoundingClientRect()
    const value = low + ((((event.clientX - frame.left) * width) / frame.width - left) / (right - left)) * (high - low)
    const near = data.values.reduce((best, each, place) => (Math.abs(each - value) < Math.abs(data.values[best] - value) ? place : best), 0)
    tip.show([["at", minus(`${data.values[near]} ${data.unit}`)], ...data.lines.map((line) => [line.label, formatShare(line.shares[near])])], event.clientX, event.clientY)
  })
  over.addEventListener("pointerleave", () => tip.hide())
  return picture
}
