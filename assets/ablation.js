// What an ablation has shown: the accuracy of every seed by variant, differences to the base by pairs, accuracy by cost.
// data: {rows: [{label, colour, macs, costs, planned, accuracy, difference}]}; the latter two are {values: [{seed, value}],
// mean, deviation, interval}, shares of 1, null where too little is known. The base comes first. levels: [[share, name]] of
// accuracies that need no learning.

const LINE = 30, HEAD = 6, FOOT = 24, END = 16

export default component(({ data, root, memory, tip }) => {
  const area = root.querySelector(".panels") || html(root, "div", { class: "panels" })
  const others = data.rows.slice(1)
  onWidth(root, memory, () => {
    area.replaceChildren()
    const draws = [
      ["Test accuracy", "every seed after its last epoch; bar: mean ± standard deviation", (box, width) =>
        drawDots(box, data.rows, data.rows, "accuracy", width, tip, data.levels)],
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
  titleLine(box, title, note)
  return box
}

const points = (value) => formatDecimal(100 * value, 2, true)
const share = (value) => formatShare(value, 2)

const numberOf = (kind) => (kind === "difference" ? (value) => `${points(value)} points` : share)

// The facts of a row, for the pointer, the keyboard and whoever listens.
function factsOf(row, kind) {
  const found = row[kind]
  const number = numberOf(kind)
  const facts = [[row.label, `${found.values.length} of ${row.planned} seeds`]]
  if (found.mean !== null) facts.push(["mean", number(found.mean)])
  if (kind === "difference" && found.values.length === 1) facts.push(["one seed", "cannot be told from luck"])
  if (found.deviation !== null) facts.push(["standard deviation", `${formatDecimal(100 * found.deviation, 2)} points`])
  if (kind === "difference" && found.interval) facts.push(["95 % interval", found.interval.map(points).join(" … ")])
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

function drawDots(box, rows, all, kind, width, tip, levels = []) {
  const left = Math.min(0.42 * width, 14 + 6.3 * Math.max(...rows.map((row) => row.label.length)))
  const high = HEAD + rows.length * LINE + FOOT
  const bars = rows.map((row) => barOf(row, kind))
  const seen = rows.flatMap((row) => row[kind].values.map(({ value }) => value)).concat(bars.filter(Boolean).flatMap(({ low, high }) => [low, high]))
  if (kind === "difference") seen.push(0)
  const title = kind === "difference" ? "Difference to the base" : "Test accuracy"
  const means = rows.filter((row) => row[kind].mean !== null).map((row) => `${row.label} ${numberOf(kind)(row[kind].mean)}`)
  const picture = plot(box, width, high, `${title} of each variant, mean: ${means.join("; ") || "none yet"}. Arrow keys move.`)
  const known = rows.some((row) => row[kind].values.length)
  const scale = scaleOf(known ? seen.map((value) => 100 * value) : [0, 100], left, width - END, { margin: 0.08, flat: 2 })
  const x = (value) => round(scale.at(100 * value))
  const y = (index) => HEAD + (index + 0.5) * LINE
  const values = known ? ticks(scale, Math.max(4, Math.floor((width - left) / 45))) : []
  gridColumns(picture, values, scale.at, HEAD, high - FOOT, (value) => `${kind === "difference" && value > 0 ? "+" : ""}${formatCount(value)}`)
  if (kind === "difference" && known) svg(picture, "line", { class: "zero", x1: x(0), x2: x(0), y1: HEAD, y2: high - FOOT })
  for (const [value] of known ? levels : []) {
    if (100 * value >= scale.low && 100 * value <= scale.high) svg(picture, "line", { class: "zero", x1: x(value), x2: x(value), y1: HEAD, y2: high - FOOT })
  }
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
    plotText(group, left - 8, y(index) + 4, shortened(row.label, Math.floor((left - 8) / 6.2)), { "text-anchor": "end" })
    const bar = bars[index], style = `stroke:${color(row)}`
    if (kind === "difference" && row.difference.values.length === 1) group.classList.add("unproven")
    if (bar) {
      svg(group, "line", { class: "reach", x1: x(bar.low), x2: x(bar.high), y1: y(index), y2: y(index), style })
      svg(group, "line", { class: "mean", x1: x(bar.mean), x2: x(bar.mean), y1: y(index) - 9, y2: y(index) + 9, style })
    } else plotText(group, left + 6, y(index) + 4, row[kind].values.length ? "" : "no finished run yet", { class: "muted" })
    for (const { value } of row[kind].values) marker(group, all.indexOf(row), x(value), y(index), 4.2, color(row)).setAttribute("class", "seed")
    interactive(group, { facts: factsOf(row, kind), tip })
    return group
  })
  rovingFocus(groups, 0)
}

function drawCosts(box, rows, width, tip) {
  const left = 46, high = Math.max(190, HEAD + (rows.length + 0.2) * LINE + FOOT)
  const shown = rows.filter((row) => row.accuracy.mean !== null)
  const picture = plot(box, width, high, "Mean test accuracy and multiply-adds of each variant. Arrow keys move.")
  if (!shown.length) return tickText(picture, width / 2, high / 2, "no finished run yet", { "text-anchor": "middle" })
  const bars = shown.map((row) => barOf(row, "accuracy"))
  const across = scaleOf(shown.map((row) => row.macs), left, width - END, { margin: 0.14 })
  const up = scaleOf(bars.flatMap((bar) => [100 * bar.low, 100 * bar.high]), high - FOOT, HEAD, { margin: 0.14, flat: 2 })
  const x = (macs) => round(across.at(macs)), y = (share) => round(up.at(100 * share))
  gridRows(picture, ticks(up, 5), up.at, left, width - END, (value) => `${formatCount(value)} %`)
  gridColumns(picture, ticks(across, Math.max(2, Math.floor(width / 110))), x, null, high - FOOT, amount)
  const placed = shown.map((row, index) => roomOfMark(x(row.macs), y(bars[index].mean)))
  const frame = { left: 48, right: width - 2, top: 12, bottom: high - FOOT }
  const groups = shown.map((row, index) => {
    const bar = bars[index], [px, py] = [x(row.macs), y(bar.mean)]
    const group = svg(picture, "g", { class: "hitrow", role: "img", "aria-label": `${row.costs}; ${spoken(row, "accuracy")}`, "data-variant": row.label })
    svg(group, "circle", { class: "hit", cx: px, cy: py, r: 13 })
    svg(group, "line", { class: "reach", x1: px, x2: px, y1: y(bar.low), y2: y(bar.high), style: `stroke:${color(row)}` })
    marker(group, rows.indexOf(row), px, py, 5.5, color(row))
    placeLabel(group, shortened(row.label, 26), [px, py], frame, placed)
    interactive(group, { facts: [["cost", row.costs], ...factsOf(row, "accuracy")], tip })
    return group
  })
  rovingFocus(groups, 0)
}
