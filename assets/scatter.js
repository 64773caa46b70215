// Points in a plane: named marks that can be reached and chosen, thousands of dots as one path, lines, a front.
// data: {title, note, alt, x: {label, log}, y, marks: [{key, label, x, y, reachX, reachY, colour, shape, named, front,
// facts}], paths: [{label, points, colour, dashed}], dots: {label, x, y, keys} | null, chosen, choosable, legend:
// [{label, colour, shape}]}; trigger "choose": a key.

const TOP = 14, RIGHT = 18, BOTTOM = 44, LEFT = 58, NEAR = 12

export default component(({ data, root, memory, tip, send }) => {
  const area = root.querySelector(".plane") || html(root, "div", { class: "plane" })
  const choose = data.choosable ? (key) => send("choose", key) : null
  const focused = area.getRootNode().activeElement?.dataset?.key
  onWidth(root, memory, (width) => {
    area.replaceChildren()
    titleLine(area, data.title, data.note)
    draw(area, data, Math.max(260, width), tip, choose)
    legend(area, data)
  })
  // What was reached by the keyboard is still reached after the page has been drawn anew.
  if (focused !== undefined) [...area.querySelectorAll(".mark")].find((mark) => mark.dataset.key === focused)?.focus()
})

function draw(area, data, width, tip, choose) {
  const high = width < 480 ? 300 : Math.min(420, Math.round(width * 0.52))
  const picture = plot(area, width, high, data.alt)
  const { marks, paths, dots } = data
  const values = (axis, reach) => [
    ...marks.flatMap((mark) => [mark[axis], ...(mark[reach] || [])]),
    ...paths.flatMap((path) => path.points.map((pair) => pair[axis === "x" ? 0 : 1])),
    ...(dots ? dots[axis] : []),
  ]
  if (!marks.length && !dots?.x.length) {
    return tickText(picture, width / 2, high / 2, "nothing to show yet", { "text-anchor": "middle", "font-size": 12 })
  }
  const x = scaleOf(values("x", "reachX"), LEFT, width - RIGHT, data.x)
  const y = scaleOf(values("y", "reachY"), high - BOTTOM, TOP, data.y)
  axes(picture, data, x, y, width, high)
  if (dots) {
    svg(picture, "path", { class: "dots", d: dots.x.map((value, index) => `M${round(x.at(value))} ${round(y.at(dots.y[index]))}h0`).join("") })
    catchDots(picture, data, x, y, width, high, tip, choose)
  }
  for (const path of paths) {
    const d = course(path.points.map(([a, b]) => [x.at(a), y.at(b)]))
    svg(picture, "path", { class: `path${path.dashed ? " dashed" : ""}`, d, style: `stroke:${path.colour ? color(path) : "var(--muted)"}` })
  }
  const placed = marks.map((mark) => roomOfMark(x.at(mark.x), y.at(mark.y)))
  const frame = { left: LEFT + 2, right: width - 2, top: 12, bottom: high - BOTTOM }
  // The front is drawn last, over the others.
  const order = marks.map((_, index) => index).sort((a, b) => marks[a].front - marks[b].front)
  const groups = []
  for (const index of order) groups[index] = drawMark(picture, marks[index], x, y, data, tip, choose)
  for (const index of [...order].reverse()) {
    const { named, label, x: across, y: up } = marks[index]
    if (named) placeLabel(groups[index], shortened(label, 28), [x.at(across), y.at(up)], frame, placed)
  }
  const first = marks.findIndex((mark) => mark.key === data.chosen)
  const walked = marks.map((_, index) => index).sort((a, b) => marks[a].x - marks[b].x)
  rovingFocus(walked.map((index) => groups[index]), Math.max(0, walked.indexOf(first)))
}

function drawMark(picture, mark, x, y, data, tip, choose) {
  const px = round(x.at(mark.x)), py = round(y.at(mark.y))
  const facts = [[mark.label, mark.front ? "on the front" : ""], ...mark.facts]
  const group = svg(picture, "g", {
    class: `mark${mark.colour ? "" : " plain"}${mark.front ? " front" : ""}${choose ? " live" : ""}`, role: choose ? "button" : "img",
    "data-key": mark.key, "aria-label": facts.map(([name, value]) => `${name} ${value}`.trim()).join(", "),
  })
  svg(group, "circle", { class: "hit", cx: px, cy: py, r: mark.colour ? 12 : 7 })
  const stroke = mark.colour ? `stroke:${color(mark)}` : "stroke:var(--muted)"
  if (mark.reachY) svg(group, "line", { class: "reach", x1: px, x2: px, y1: y.at(mark.reachY[0]), y2: y.at(mark.reachY[1]), style: stroke })
  if (mark.reachX) svg(group, "line", { class: "reach", y1: py, y2: py, x1: x.at(mark.reachX[0]), x2: x.at(mark.reachX[1]), style: stroke })
  if (mark.colour) marker(group, mark.shape, px, py, 5.2, color(mark)).classList.add("seen")
  else svg(group, "circle", { class: "dot", cx: px, cy: py, r: mark.front ? 4.2 : 3.2 })
  if (mark.front && mark.colour) svg(group, "circle", { class: "ring", cx: px, cy: py, r: 8.5 })
  if (mark.key === data.chosen) svg(group, "circle", { class: "here", cx: px, cy: py, r: 10.5 })
  interactive(group, { facts, tip, choose: choose && (() => choose(mark.key)) })
  return group
}

// The dot nearest to the pointer: thousands of elements would be slow, a search through their places is not.
function catchDots(picture, data, x, y, width, high, tip, choose) {
  const { dots } = data
  const here = svg(picture, "circle", { class: "here", r: 6, visibility: "hidden" })
  const plane = svg(picture, "rect", { class: `catch${choose ? " live" : ""}`, x: LEFT, y: TOP, width: width - LEFT - RIGHT, height: high - TOP - BOTTOM })
  const places = dots.x.map((value, index) => [x.at(value), y.at(dots.y[index])])
  const nearest = (event) => {
    const frame = picture.getBoundingClientRect()
    const [ex, ey] = [(event.clientX - frame.left) * (width / frame.width), (event.clientY - frame.top) * (high / frame.height)]
    let best = -1, least = NEAR * NEAR
    places.forEach(([px, py], index) => {
      const far = (px - ex) ** 2 + (py - ey) ** 2
      if (far < least) [best, least] = [index, far]
    })
    return best
  }
  const leave = () => {
    here.setAttribute("visibility", "hidden")
    tip.hide()
  }
  plane.addEventListener("pointermove", (event) => {
    const index = nearest(event)
    if (index < 0) return leave()
    here.setAttribute("cx", places[index][0])
    here.setAttribute("cy", places[index][1])
    here.setAttribute("visibility", "visible")
    tip.show([[dots.label, dots.keys[index]], [data.x.label, formatSi(dots.x[index])], [data.y.label, formatSi(dots.y[index])]], event.clientX, event.clientY)
  })
  plane.addEventListener("pointerleave", leave)
  plane.addEventListener("click", (event) => {
    const index = nearest(event)
    if (choose && index >= 0) choose(dots.keys[index])
  })
}

// ---- axes ---------------------------------------------------------------------------------------------------------------

function axes(picture, data, x, y, width, high) {
  gridRows(picture, ticks(y, 6), y.at, LEFT, width - RIGHT, amount)
  gridColumns(picture, ticks(x, Math.max(3, Math.floor(width / 100))), x.at, TOP, high - BOTTOM, amount)
  const name = (axis) => `${axis.label}${axis.log ? " (log)" : ""}`
  tickText(picture, (LEFT + width - RIGHT) / 2, high - 8, name(data.x), { "text-anchor": "middle" })
  const middle = (TOP + high - BOTTOM) / 2
  tickText(picture, 12, middle, name(data.y), { "text-anchor": "middle", transform: `rotate(-90 12 ${middle})` })
}

function legend(area, data) {
  const paths = data.paths.filter((path) => path.label), series = data.legend || []
  if (!series.length && !paths.length) return
  const box = markerLegend(area, series, series.map((each) => each.shape))
  for (const path of paths) {
    const line = html(box, "span")
    const mark = svg(line, "svg", { width: 20, height: 8, viewBox: "0 0 20 8", "aria-hidden": "true" })
    svg(mark, "path", { class: `path${path.dashed ? " dashed" : ""}`, d: "M0 4H20", style: `stroke:${path.colour ? color(path) : "var(--muted)"}` })
    html(line, "span", {}, path.label)
  }
}
