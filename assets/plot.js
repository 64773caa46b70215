// Shared by the scripts that plot numbers, and put before them: scales, ticks, grids, number formats, labels.

const plot = (parent, width, height, label, role = "group") =>
  svg(parent, "svg", { viewBox: `0 0 ${width} ${height}`, width, height, role, "aria-label": label })

const plotText = (parent, x, y, words, extra = {}) => svg(parent, "text", { x, y, "font-size": 11, ...extra }, words)
const tickText = (parent, x, y, words, extra = {}) => plotText(parent, x, y, words, { "font-size": 10.5, class: "muted", ...extra })
const shortened = (words, most) => (words.length > most ? `${words.slice(0, Math.max(1, most - 1))}…` : words)

// ---- scales and ticks -------------------------------------------------------------------------------------------------

// From the range of the values, and a margin at both ends, to pixels. `flat` is the range of equal values.
function scaleOf(values, from, to, { log = false, margin = 0.06, flat } = {}) {
  const [turn, back] = log ? [Math.log, Math.exp] : [(value) => value, (value) => value]
  const [first, last] = rangeOf(values).map(turn)
  const room = (last - first || (log ? 0.5 : flat || Math.abs(last) * 0.1 || 1)) * margin
  const [low, high] = [first - room, last + room]
  return { at: (value) => from + ((to - from) * (turn(value) - low)) / (high - low), low: back(low), high: back(high), log }
}

// Spread arguments end somewhere above a hundred thousand.
const rangeOf = (values) => values.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity])

// Round numbers between two, about so many.
function ticks({ low, high, log = false }, count) {
  if (log && high / low >= 8) return logTicks(low, high, count)
  const rough = (high - low) / Math.max(1, count)
  const unit = 10 ** Math.floor(Math.log10(rough || 1))
  const step = [1, 2, 5, 10].find((factor) => factor * unit >= rough) * unit
  const found = []
  for (let index = Math.ceil(low / step - 1e-9); index * step <= high * (1 + 1e-9) && found.length < 30; index += 1) found.push(Number((index * step).toPrecision(12)))
  return found
}

function logTicks(low, high, count) {
  const decades = Math.log10(high / low)
  const factors = decades > count ? [1] : decades > count / 2 ? [1, 3] : [1, 2, 5]
  const apart = Math.max(1, Math.ceil(decades / count))
  const found = []
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += 1) {
    if (power % apart) continue
    found.push(...factors.map((factor) => Number(`${factor}e${power}`)).filter((value) => value >= low && value <= high))
  }
  return found
}

// Lines across a plot at the values of its vertical axis, with their numbers at the left.
function gridRows(picture, values, y, left, right, format = formatCount) {
  for (const value of values) {
    svg(picture, "line", { class: "axis", x1: left, x2: right, y1: y(value), y2: y(value) })
    tickText(picture, left - 6, y(value) + 4, format(value), { "text-anchor": "end" })
  }
}

// Lines at the values of the horizontal axis, where there is a `top`, with their numbers below.
function gridColumns(picture, values, x, top, bottom, format = formatCount) {
  for (const value of values) {
    if (top !== null) svg(picture, "line", { class: "axis", x1: x(value), x2: x(value), y1: top, y2: bottom })
    tickText(picture, x(value), bottom + 16, format(value), { "text-anchor": "middle" })
  }
}

// A line through points; `back` goes on from where another one ended.
const course = (points, back = false) => points.map(([x, y], index) => `${index || back ? "L" : "M"}${round(x)} ${round(y)}`).join("")

// ---- numbers ----------------------------------------------------------------------------------------------------------

// For an axis, without zeros at the end: 12,000,000 → 12 M; with other digits, and small numbers written out up to `least`.
function amount(value, digits = 4, least = 1e3) {
  const size = Math.abs(value)
  const [unit, factor] = (size >= least && [["T", 1e12], ["G", 1e9], ["M", 1e6], ["k", 1e3]].find(([, factor]) => size >= factor)) || ["", 1]
  if ((size && size < 1e-3) || size >= 1e15) return minus(value.toExponential(1).replace("e+", "e"))
  return `${formatDigits(value / factor, digits)}${unit && ` ${unit}`}`
}

// ---- marks and labels -------------------------------------------------------------------------------------------------

const MARKERS = ["circle", "square", "triangle", "diamond", "cross", "star", "bar", "ring"] // beside colour, one a series

const color = (series) => `light-dark(${series.colour.light}, ${series.colour.dark})`

function marker(parent, index, x, y, r, fill) {
  const kind = MARKERS[index % MARKERS.length]
  const style = kind === "ring" || kind === "cross" ? `fill:none;stroke:${fill};stroke-width:2` : `fill:${fill}`
  const at = (points) => points.map(([a, b]) => `${x + a * r},${y + b * r}`).join(" ")
  if (kind === "circle" || kind === "ring") return svg(parent, "circle", { cx: x, cy: y, r, style })
  if (kind === "cross") return svg(parent, "path", { d: `M ${x - r} ${y - r} L ${x + r} ${y + r} M ${x - r} ${y + r} L ${x + r} ${y - r}`, style })
  const shapes = {
    square: [[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]],
    triangle: [[0, -1.15], [1.1, 0.85], [-1.1, 0.85]],
    diamond: [[0, -1.25], [1.1, 0], [0, 1.25], [-1.1, 0]],
    bar: [[-1.2, -0.5], [1.2, -0.5], [1.2, 0.5], [-1.2, 0.5]],
    star: [[0, -1.3], [0.35, -0.35], [1.3, 0], [0.35, 0.35], [0, 1.3], [-0.35, 0.35], [-1.3, 0], [-0.35, -0.35]],
  }
  return svg(parent, "polygon", { points: at(shapes[kind]), style })
}

// The marker of a series in a line of text.
function markerIcon(parent, index, fill) {
  marker(svg(parent, "svg", { width: 12, height: 12, viewBox: "-6 -6 12 12", "aria-hidden": "true" }), index, 0, 0, 4.4, fill)
}

function markerLegend(area, series, places = series.map((_, index) => index)) {
  const legend = area.querySelector(".legend") || html(area, "div", { class: "legend" })
  series.forEach((each, index) => {
    const item = html(legend, "span")
    markerIcon(item, places[index], color(each))
    html(item, "span", {}, each.label)
  })
  return legend
}

// The room that a mark takes, for the labels that come after it.
const roomOfMark = (x, y) => ({ left: x - 7, right: x + 7, at: y + 4 })

// Beside its mark where nothing else is, a little above or below with a line that leads to it, else nowhere: then the
// tooltip has to do. `placed` holds what has its place.
function placeLabel(group, words, [x, y], { left, right, top, bottom }, placed) {
  const wide = 6.2 * words.length
  for (const [side, dy] of [1, -1].flatMap((side) => [4, -10, 18, -22, 30, -34, 42, -46, 54].map((dy) => [side, dy]))) {
    const near = x + 10 * side
    const spot = { left: Math.min(near, near + side * wide), right: Math.max(near, near + side * wide), at: y + dy }
    const free = placed.every((other) => Math.abs(other.at - spot.at) > 12 || other.left > spot.right || other.right < spot.left)
    if (!free || spot.left < left || spot.right > right || spot.at < top || spot.at > bottom) continue
    placed.push(spot)
    if (Math.abs(dy) > 10) svg(group, "line", { x1: x + 4 * side, y1: y + Math.sign(dy) * 5, x2: near - side, y2: spot.at - 4, class: "leader" })
    return plotText(group, near, spot.at, words, side < 0 ? { "text-anchor": "end" } : {})
  }
}
