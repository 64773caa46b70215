// Points in a plane: named marks that can be reached and chosen, thousands of dots as one path, lines, a front.
// data: {title, note, alt, x: {label, log}, y, marks: [{key, label, x, y, reachX, reachY, colour, face, named, front,
// facts}], paths: [{label, points, colour, dashed}], dots: {label, x, y, keys} | null, chosen, choosable, legend:
// [{label, colour, face}]}; trigger "choose": a key.

const TOP = 14, RIGHT = 18, BOTTOM = 44, LEFT = 58, NEAR = 12

export default component(({ data, root, memory, tip, send }) => {
  const area = root.querySelector(".plane") || html(root, "div", { class: "plane" })
  const choose = data.choosable ? (key) => send("choose", key) : null
  const focused = area.getRootNode().activeElement?.dataset?.key
  onWidth(root, memory, (width) => {
    area.replaceChildren()
    const head = html(area, "div", { class: "title" })
    html(head, "b", {}, data.title)
    html(head, "span", {}, data.note)
    draw(area, data, Math.max(260, width), tip, choose)
    legend(area, data)
  })
  // What was reached by the keyboard is still reached after the page has been drawn anew.
  if (focused !== undefined) [...area.querySelectorAll(".mark")].find((mark) => mark.dataset.key === focused)?.focus()
})

function draw(area, data, width, tip, choose) {
  const high = width < 480 ? 300 : Math.min(420, Math.round(width * 0.52))
  const picture = svg(area, "svg", { viewBox: `0 0 ${width} ${high}`, width, height: high, role: "group", "aria-label": data.alt })
  const { marks, paths, dots } = data
  const values = (axis, reach) => [
    ...marks.flatMap((mark) => [mark[axis], ...(mark[reach] || [])]),
    ...paths.flatMap((path) => path.points.map((pair) => pair[axis === "x" ? 0 : 1])),
    ...(dots ? dots[axis] : []),
  ]
  if (!marks.length && !dots?.x.length) {
    return svg(picture, "text", { x: width / 2, y: high / 2, class: "muted", "text-anchor": "middle", "font-size": 12 }, "nothing to show yet")
  }
  const x = scale(values("x", "reachX"), data.x.log, LEFT, width - RIGHT)
  const y = scale(values("y", "reachY"), data.y.log, high - BOTTOM, TOP)
  axes(picture, data, x, y, width, high)
  if (dots) {
    svg(picture, "path", { class: "dots", d: dots.x.map((value, index) => `M${round(x.at(value))} ${round(y.at(dots.y[index]))}h0`).join("") })
    catchDots(picture, data, x, y, width, high, tip, choose)
  }
  for (const path of paths) {
    const d = path.points.map(([a, b], index) => `${index ? "L" : "M"}${round(x.at(a))} ${round(y.at(b))}`).join("")
    svg(picture, "path", { class: `path${path.dashed ? " dashed" : ""}`, d, style: `stroke:${path.colour ? hue(path) : "var(--muted)"}` })
  }
  const placed = marks.map((mark) => ({ left: x.at(mark.x) - 7, right: x.at(mark.x) + 7, at: y.at(mark.y) + 4 }))
  // The front is drawn last, over the others.
  const order = marks.map((_, index) => index).sort((a, b) => marks[a].front - marks[b].front)
  const groups = []
  for (const index of order) groups[index] = drawMark(picture, marks[index], x, y, data, tip, choose)
  for (const index of [...order].reverse()) if (marks[index].named) nameMark(groups[index], marks[index], x, y, width, high, placed)
  const first = marks.findIndex((mark) => mark.key === data.chosen)
  const walked = marks.map((_, index) => index).sort((a, b) => marks[a].x - marks[b].x)
  rove(walked.map((index) => groups[index]), Math.max(0, walked.indexOf(first)))
}

function drawMark(picture, mark, x, y, data, tip, choose) {
  const px = round(x.at(mark.x)), py = round(y.at(mark.y))
  const facts = [[mark.label, mark.front ? "on the front" : ""], ...mark.facts]
  const group = svg(picture, "g", {
    class: `mark${mark.colour ? "" : " plain"}${mark.front ? " front" : ""}${choose ? " live" : ""}`, role: choose ? "button" : "img",
    "data-key": mark.key, "aria-label": facts.map(([name, value]) => `${name} ${value}`.trim()).join(", "),
  })
  svg(group, "circle", { class: "hit", cx: px, cy: py, r: mark.colour ? 12 : 7 })
  const stroke = mark.colour ? `stroke:${hue(mark)}` : "stroke:var(--muted)"
  if (mark.reachY) svg(group, "line", { class: "reach", x1: px, x2: px, y1: y.at(mark.reachY[0]), y2: y.at(mark.reachY[1]), style: stroke })
  if (mark.reachX) svg(group, "line", { class: "reach", y1: py, y2: py, x1: x.at(mark.reachX[0]), x2: x.at(mark.reachX[1]), style: stroke })
  if (mark.colour) face(group, mark.face, px, py, 5.2, hue(mark)).classList.add("seen")
  else svg(group, "circle", { class: "dot", cx: px, cy: py, r: mark.front ? 4.2 : 3.2 })
  if (mark.front && mark.colour) svg(group, "circle", { class: "ring", cx: px, cy: py, r: 8.5 })
  if (mark.key === data.chosen) svg(group, "circle", { class: "here", cx: px, cy: py, r: 10.5 })
  interactive(group, { facts, tip, choose: choose && (() => choose(mark.key)) })
  return group
}

// Beside its point, where no other label is; otherwise the tooltip has to do.
function nameMark(group, mark, x, y, width, high, placed) {
  const words = mark.label.length > 28 ? `${mark.label.slice(0, 27)}…` : mark.label
  const wide = 6.1 * words.length, px = x.at(mark.x), py = y.at(mark.y)
  for (const [dx, dy] of [11, -11 - wide].flatMap((dx) => [4, -10, 18, -22, 30].map((dy) => [dx, dy]))) {
    const spot = { left: px + dx, right: px + dx + wide, at: py + dy }
    const free = placed.every((other) => Math.abs(other.at - spot.at) > 12 || other.left > spot.right || other.right < spot.left)
    if (!free || spot.left < LEFT + 2 || spot.right > width - 2 || spot.at < 12 || spot.at > high - BOTTOM) continue
    placed.push(spot)
    return svg(group, "text", { x: spot.left, y: spot.at, "font-size": 11 }, words)
  }
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
    tip.show([[dots.label, dots.keys[index]], [data.x.label, amount(dots.x[index])], [data.y.label, amount(dots.y[index])]], event.clientX, event.clientY)
  })
  plane.addEventListener("pointerleave", leave)
  plane.addEventListener("click", (event) => {
    const index = nearest(event)
    if (choose && index >= 0) choose(dots.keys[index])
  })
}

// ---- axes ---------------------------------------------------------------------------------------------------------------

function scale(values, log, from, to) {
  let low = Math.min(...bounded(values, Math.min)), most = Math.max(...bounded(values, Math.max))
  const turned = log ? Math.log : (value) => value
  const [a, b] = [turned(low), turned(most)]
  const margin = (b - a || (log ? 0.5 : Math.abs(b) * 0.1 || 1)) * 0.06
  const [first, last] = [a - margin, b + margin]
  const back = log ? Math.exp : (value) => value
  return { at: (value) => from + ((to - from) * (turned(value) - first)) / (last - first), low: back(first), most: back(last), log }
}

// Spread arguments end somewhere above a hundred thousand; thousands are reduced first.
const bounded = (values, best) => (values.length < 5000 ? values : [values.reduce((one, other) => best(one, other))])

function stops({ low, most, log }, count) {
  if (!log || most / low < 8) return ticks(low, most, count)
  const decades = Math.log10(most / low)
  const factors = decades > count ? [1] : decades > count / 2 ? [1, 3] : [1, 2, 5]
  const apart = Math.max(1, Math.ceil(decades / count))
  const found = []
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(most); power += 1) {
    if (power % apart) continue
    for (const factor of factors) {
      const value = Number(`${factor}e${power}`)
      if (value >= low && value <= most) found.push(value)
    }
  }
  return found
}

function axes(picture, data, x, y, width, high) {
  for (const value of stops(y, 6)) {
    svg(picture, "line", { class: "axis", x1: LEFT, x2: width - RIGHT, y1: y.at(value), y2: y.at(value) })
    svg(picture, "text", { x: LEFT - 6, y: y.at(value) + 4, class: "axis-name", "text-anchor": "end" }, amount(value))
  }
  for (const value of stops(x, Math.max(3, Math.floor(width / 100)))) {
    svg(picture, "line", { class: "axis", x1: x.at(value), x2: x.at(value), y1: TOP, y2: high - BOTTOM })
    svg(picture, "text", { x: x.at(value), y: high - BOTTOM + 16, class: "axis-name", "text-anchor": "middle" }, amount(value))
  }
  svg(picture, "text", { x: (LEFT + width - RIGHT) / 2, y: high - 8, class: "axis-name", "text-anchor": "middle" }, `${data.x.label}${x.log ? " (log)" : ""}`)
  const middle = (TOP + high - BOTTOM) / 2
  svg(picture, "text", { x: 12, y: middle, class: "axis-name", "text-anchor": "middle", transform: `rotate(-90 12 ${middle})` }, `${data.y.label}${y.log ? " (log)" : ""}`)
}

function amount(value) {
  for (const [unit, size] of [["T", 1e12], ["G", 1e9], ["M", 1e6], ["k", 1e3]]) {
    if (Math.abs(value) >= size) return `${Number((value / size).toPrecision(4))} ${unit}`
  }
  return String(Number(value.toPrecision(4))).replace("-", "−")
}

function legend(area, data) {
  if (!data.legend?.length && !data.paths.some((path) => path.label)) return
  const box = html(area, "div", { class: "legend" })
  for (const each of data.legend || []) {
    const line = html(box, "span")
    const mark = svg(line, "svg", { width: 12, height: 12, viewBox: "-6 -6 12 12", "aria-hidden": "true" })
    face(mark, each.face, 0, 0, 4.5, hue(each))
    html(line, "span", {}, each.label)
  }
  for (const path of data.paths.filter((path) => path.label)) {
    const line = html(box, "span")
    const mark = svg(line, "svg", { width: 20, height: 8, viewBox: "0 0 20 8", "aria-hidden": "true" })
    svg(mark, "path", { class: `path${path.dashed ? " dashed" : ""}`, d: "M0 4H20", style: `stroke:${path.colour ? hue(path) : "var(--muted)"}` })
    html(line, "span", {}, path.label)
  }
}
