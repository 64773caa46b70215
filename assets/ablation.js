// What an ablation has shown: the accuracy of every seed by variant, differences to the base by pairs, accuracy by cost.
// data: {rows: [{label, colour, macs, costs, planned, accuracy, difference}]}; the latter two are {values: [{seed, value}],
// mean, deviation, interval}, shares of 1, null where too little is known. The base comes first.

const LINE = 30, HEAD = 6, FOOT = 24, END = 16

export default component(({ data, root, memory, tip }) => {
  const area = root.querySelector(".panels") || html(root, "div", { class: "panels" })
  const others = data.rows.slice(1)
  onWidth(root, memory, () => {
    area.replaceChildren()
    const draws = [
      ["Test accuracy", "every seed after its last epoch; bar: mean ± standard deviation", (box, width) =>
        drawDots(box, data.rows, data.rows, "accuracy", width, tip)],
      ["Difference to the base", "same seed, percentage points; bar: mean, 95 % interval", (box, width) =>
        drawDots(box, others, data.rows, "difference", width, tip)],
      ["Accuracy by cost", "mean ± standard deviation; multiply-adds of one image", (box, width) =>
        drawCosts(box, data.rows, width, tip)],
    ]
    // All boxes first: how wide one is depends on how many there are.
    const boxes = draws.map(([title, note]) => panel(area, title, note))
    boxes.forEach((box, index) => draws[index][2](box, Math.max(240, box.clientWidth || 400)))
  })
})

function panel(area, title, note) {
  const box = html(area, "div", { class: "panel" })
  const head = html(box, "div", { class: "title" })
  html(head, "b", {}, title)
  html(head, "span", {}, note)
  return box
}

const signed = (value, digits = 2) => `${value > 0 ? "+" : value < 0 ? "−" : ""}${Math.abs(100 * value).toFixed(digits)}`
const share = (value, digits = 2) => `${(100 * value).toFixed(digits)} %`
const text = (parent, x, y, words, extra = {}) => svg(parent, "text", { x, y, "font-size": 11, ...extra }, words)
const cut = (words, most) => (words.length > most ? `${words.slice(0, Math.max(1, most - 1))}…` : words)

// The facts of a row, for the pointer, the keyboard and whoever listens.
function factsOf(row, kind) {
  const found = row[kind]
  const number = kind === "difference" ? (value) => `${signed(value)} points` : share
  const facts = [[row.label, `${found.values.length} of ${row.planned} seeds`]]
  if (found.mean !== null) facts.push(["mean", number(found.mean)])
  if (found.deviation !== null) facts.push(["standard deviation", `${(100 * found.deviation).toFixed(2)} points`])
  if (kind === "difference" && found.interval) facts.push(["95 % interval", found.interval.map((value) => signed(value)).join(" … ")])
  for (const { seed, value } of found.values.slice(0, 12)) facts.push([`seed ${seed}`, number(value)])
  return facts
}

const spoken = (row, kind) => factsOf(row, kind).map(([name, value]) => `${name} ${value}`).join(", ")

// Mean and reach of a bar: the interval of a difference, one standard deviation of an accuracy.
function barOf(row, kind) {
  const { mean, deviation, interval } = row[kind]
  if (mean === null) return null
  if (kind === "difference") return { mean, low: interval?.[0] ?? mean, high: interval?.[1] ?? mean }
  return { mean, low: mean - (deviation ?? 0), high: mean + (deviation ?? 0) }
}

function drawDots(box, rows, all, kind, width, tip) {
  const left = Math.min(0.42 * width, 14 + 6.3 * Math.max(...rows.map((row) => row.label.length)))
  const high = HEAD + rows.length * LINE + FOOT
  const bars = rows.map((row) => barOf(row, kind))
  const seen = rows.flatMap((row) => row[kind].values.map(({ value }) => value)).concat(bars.filter(Boolean).flatMap(({ low, high }) => [low, high]))
  if (kind === "difference") seen.push(0)
  const title = kind === "difference" ? "Difference to the base" : "Test accuracy"
  const picture = svg(box, "svg", { viewBox: `0 0 ${width} ${high}`, width, height: high, role: "group", "aria-label": `${title}, a row for each variant. Arrow keys move.` })
  const known = rows.some((row) => row[kind].values.length)
  const lowest = known ? Math.min(...seen) : 0, highest = known ? Math.max(...seen) : 1
  const margin = (highest - lowest || 0.02) * 0.08
  const [from, to] = [lowest - margin, highest + margin]
  const x = (value) => round(left + (width - left - END) * (value - from) / (to - from))
  const y = (index) => HEAD + (index + 0.5) * LINE
  for (const value of known ? ticks(100 * from, 100 * to, Math.max(4, Math.floor((width - left) / 45))) : []) {
    svg(picture, "line", { class: "axis", x1: x(value / 100), x2: x(value / 100), y1: HEAD, y2: high - FOOT })
    text(picture, x(value / 100), high - 9, `${kind === "difference" && value > 0 ? "+" : ""}${String(value).replace("-", "−")}`, { class: "muted", "text-anchor": "middle" })
  }
  if (kind === "difference" && known) svg(picture, "line", { class: "zero", x1: x(0), x2: x(0), y1: HEAD, y2: high - FOOT })
  // A thin line joins the runs of one seed: they saw the images in the same order.
  const pairs = kind === "accuracy" ? new Map() : null
  rows.forEach((row, index) => {
    for (const { seed, value } of pairs ? row[kind].values : []) {
      const before = pairs.get(seed)
      if (before) svg(picture, "line", { class: "pair", x1: x(before.value), y1: y(before.index), x2: x(value), y2: y(index) })
      pairs.set(seed, { value, index })
    }
  })
  const groups = rows.map((row, index) => {
    const group = svg(picture, "g", { class: "hitrow", role: "img", "aria-label": spoken(row, kind), "data-variant": row.label })
    svg(group, "rect", { class: "hit", x: 0, y: y(index) - LINE / 2, width, height: LINE, rx: 4 })
    text(group, left - 8, y(index) + 4, cut(row.label, Math.floor((left - 8) / 6.2)), { "text-anchor": "end" })
    const bar = bars[index], style = `stroke:${hue(row)}`
    if (bar) {
      svg(group, "line", { class: "reach", x1: x(bar.low), x2: x(bar.high), y1: y(index), y2: y(index), style })
      svg(group, "line", { class: "mean", x1: x(bar.mean), x2: x(bar.mean), y1: y(index) - 9, y2: y(index) + 9, style })
    } else text(group, left + 6, y(index) + 4, row[kind].values.length ? "" : "no finished run yet", { class: "muted" })
    for (const { value } of row[kind].values) face(group, all.indexOf(row), x(value), y(index), 4.2, hue(row)).setAttribute("class", "seed")
    interactive(group, { facts: factsOf(row, kind), tip })
    return group
  })
  rove(groups, 0)
}

function drawCosts(box, rows, width, tip) {
  const left = 46, high = Math.max(190, HEAD + (rows.length + 0.2) * LINE + FOOT)
  const shown = rows.filter((row) => row.accuracy.mean !== null)
  const picture = svg(box, "svg", { viewBox: `0 0 ${width} ${high}`, width, height: high, role: "group", "aria-label": "Mean test accuracy and multiply-adds of each variant. Arrow keys move." })
  if (!shown.length) return text(picture, width / 2, high / 2, "no finished run yet", { class: "muted", "text-anchor": "middle" })
  const bars = shown.map((row) => barOf(row, "accuracy"))
  const range = (values) => {
    const low = Math.min(...values), top = Math.max(...values), margin = (top - low || Math.abs(top) * 0.1 || 0.02) * 0.14
    return [low - margin, top + margin]
  }
  const [low, top] = range(bars.flatMap((bar) => [bar.low, bar.high]))
  const [least, most] = range(shown.map((row) => row.macs))
  const x = (value) => round(left + (width - left - END) * (value - least) / (most - least))
  const y = (value) => round(HEAD + (high - HEAD - FOOT) * (1 - (value - low) / (top - low)))
  for (const value of ticks(100 * low, 100 * top, 5)) {
    svg(picture, "line", { class: "axis", x1: left, x2: width - END, y1: y(value / 100), y2: y(value / 100) })
    text(picture, left - 6, y(value / 100) + 4, `${value} %`, { class: "muted", "text-anchor": "end" })
  }
  for (const value of ticks(least, most, Math.max(2, Math.floor(width / 110)))) {
    text(picture, x(value), high - 9, amount(value), { class: "muted", "text-anchor": "middle" })
  }
  const placed = shown.map((row, index) => ({ left: x(row.macs) - 7, right: x(row.macs) + 7, at: y(bars[index].mean) + 4 }))
  const groups = shown.map((row, index) => {
    const bar = bars[index], [px, py] = [x(row.macs), y(bar.mean)]
    const group = svg(picture, "g", { class: "hitrow", role: "img", "aria-label": `${row.costs}; ${spoken(row, "accuracy")}`, "data-variant": row.label })
    svg(group, "circle", { class: "hit", cx: px, cy: py, r: 13 })
    svg(group, "line", { class: "reach", x1: px, x2: px, y1: y(bar.low), y2: y(bar.high), style: `stroke:${hue(row)}` })
    face(group, rows.indexOf(row), px, py, 5.5, hue(row))
    label(group, row, px, py, [width, high - FOOT], placed)
    interactive(group, { facts: [["cost", row.costs], ...factsOf(row, "accuracy")], tip })
    return group
  })
  rove(groups, 0)
}

// Beside its point, where no other label is; otherwise the tooltip has to do.
function label(group, row, px, py, [width, low], placed) {
  const words = cut(row.label, 26), wide = 6.2 * words.length
  for (const [dx, dy] of [9, -9 - wide].flatMap((dx) => [4, -9, 17, -21, 29].map((dy) => [dx, dy]))) {
    const spot = { left: px + dx, right: px + dx + wide, at: py + dy }
    const free = placed.every((other) => Math.abs(other.at - spot.at) > 12 || other.left > spot.right || other.right < spot.left)
    if (!free || spot.left < 48 || spot.right > width - 2 || spot.at < 12 || spot.at > low) continue
    placed.push(spot)
    return text(group, spot.left, spot.at, words)
  }
}

function amount(value) {
  for (const [unit, size] of [["G", 1e9], ["M", 1e6], ["k", 1e3]]) if (Math.abs(value) >= size) return `${Number((value / size).toPrecision(4))} ${unit}`
  return String(value)
}
