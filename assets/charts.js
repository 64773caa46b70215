// Two small charts that follow a dragged slider without flicker: growth of the receptive field, and where the cost is.
// data: {view: "growth" | "costs", growth | costs, chosen, palette, title, note}; trigger "choose": a path.

export default component(({ data, root, memory, tip, send }) => {
  const choose = (path) => path && send("choose", path)
  const area = root.querySelector(".area-of-chart") || html(root, "div", { class: "area-of-chart" })
  onWidth(root, memory, (width) => {
    area.replaceChildren()
    titleLine(area, data.title, data.note)
    const draw = data.view === "growth" ? drawGrowth : drawCosts
    draw(area, data, Math.max(260, width), tip, choose)
  })
})

function drawGrowth(area, data, width, tip, choose) {
  const { points, input } = data.growth
  const high = 190, left = 34, right = 14, top = 14, bottom = 22
  const tall = Math.max(input, ...points.map((point) => point.longest)) * 1.06
  const x = (index) => left + (width - left - right) * (points.length > 1 ? index / (points.length - 1) : 0.5)
  const y = (value) => top + (high - top - bottom) * (1 - value / tall)
  const told = points.map((point) => `${point.label} ${formatCount(point.longest)}`).join(", ")
  const picture = plot(area, width, high, `Receptive field after each layer in pixels, longest path: ${told}. Input ${formatCount(input)}.`, "img")
  gridRows(picture, ticks({ low: 0, high: tall }, 4), y, left, width - right)
  const places = (key) => points.map((point, index) => [x(index), y(point[key])])
  const path = (key) => course(places(key))
  svg(picture, "path", { class: "area", d: `${path("longest")}${course(places("shortest").reverse(), true)}Z`, style: `fill:${kindColor("3x3")}` })
  svg(picture, "line", { class: "dash", x1: left, x2: width - right, y1: y(input), y2: y(input) })
  svg(picture, "path", { class: "line", d: path("longest"), style: `stroke:${kindColor("3x3")}` })
  const split = points.some((point) => point.longest !== point.shortest)
  if (split) svg(picture, "path", { class: "line", d: path("shortest"), style: `stroke:${kindColor("5x5")}` })
  const last = points[points.length - 1]
  const anchor = { "text-anchor": "end", class: "", "font-weight": 600 }
  const ends = [[`longest path ${formatCount(last.longest)}`, y(last.longest), "3x3"], [`shortest path ${formatCount(last.shortest)}`, y(last.shortest), "5x5"]]
  if (!split) ends.splice(0, 2, [`every path ${formatCount(last.longest)}`, y(last.longest), "3x3"])
  // Labels keep clear of the input's line and of each other; the one above its curve gives way downwards.
  const placed = [y(input) + 4]
  tickText(picture, left + 5, y(input) - 4, `input ${formatCount(input)}`)
  for (const [text, at, kind] of ends) {
    const clear = (where) => where > 10 && where < high - bottom && placed.every((other) => Math.abs(other - where) > 12)
    const where = [at - 7, at + 15, at - 21, at + 29].find(clear) ?? at - 7
    placed.push(where)
    const mark = tickText(picture, width - right, where, text, anchor)
    mark.setAttribute("style", `fill:${kindColor(kind)}`)
  }
  points.forEach((point, index) => {
    const chosen = point.path && (data.chosen === point.path || data.chosen.startsWith(`${point.path}/`))
    if (chosen) {
      svg(picture, "line", { class: "dash", x1: x(index), x2: x(index), y1: top, y2: high - bottom })
      svg(picture, "circle", { class: "dot", cx: x(index), cy: y(point.longest), r: 4.5, style: `fill:${kindColor("3x3")}` })
      if (split) svg(picture, "circle", { class: "dot", cx: x(index), cy: y(point.shortest), r: 4.5, style: `fill:${kindColor("5x5")}` })
      tickText(picture, x(index), high - 6, point.label, { "text-anchor": "middle" })
    }
    const span = (width - left - right) / points.length
    const hit = svg(picture, "rect", { x: x(index) - span / 2, y: top, width: span, height: high - top - bottom, fill: "transparent", style: "cursor:pointer" })
    const facts = [["after", point.label], ["longest path", `${formatCount(point.longest)} px`], ["shortest path", `${formatCount(point.shortest)} px`]]
    hit.addEventListener("pointermove", (event) => tip.show(facts, event.clientX, event.clientY))
    hit.addEventListener("pointerleave", () => tip.hide())
    hit.addEventListener("click", () => choose(point.path))
  })
}

function drawCosts(area, data, width, tip, choose) {
  const bars = data.costs
  const row = Math.max(11, Math.min(22, 184 / Math.max(1, bars.length)))
  const left = 78, right = 88
  const high = bars.length * row + 6
  const most = Math.max(1, ...bars.map((bar) => bar.total))
  const largest = [...bars].sort((one, other) => other.total - one.total).slice(0, 3).map((bar) => `${bar.label} ${bar.text}`)
  const picture = plot(area, width, high, `${data.title} by layer, most in ${largest.join("; ")}. Arrow keys move, Enter chooses.`)
  const groups = bars.map((bar, index) => {
    const y = index * row + 3
    const chosen = data.chosen === bar.path || data.chosen.startsWith(`${bar.path}/`)
    const group = svg(picture, "g", { class: "hitbar", role: "button", "data-path": bar.path, "aria-label": `${bar.label}: ${bar.text}` })
    svg(group, "rect", { x: 0, y: y - 1, width, height: row, fill: "transparent" })
    tickText(group, left - 6, y + row / 2 + 3, bar.label, { "text-anchor": "end", class: chosen ? "" : "muted", "font-weight": chosen ? 700 : 400 })
    let x = left
    for (const part of bar.parts) {
      const wide = (width - left - right) * part.value / most
      const rect = svg(group, "rect", { class: "bar", x, y, width: Math.max(0.75, wide - 1), height: row - 3, rx: 2, style: `fill:${kindColor(part.kind)}` })
      rect.addEventListener("pointermove", (event) => {
        event.stopPropagation()
        tip.show([[part.name, part.text], ["in all", bar.text]], event.clientX, event.clientY)
      })
      x += wide
    }
    tickText(group, x + 5, y + row / 2 + 3, bar.text, { class: chosen ? "" : "muted", "font-size": 10 })
    interactive(group, { facts: [[bar.label, bar.text]], tip, choose: () => choose(bar.path) })
    return group
  })
  rovingFocus(groups, Math.max(0, bars.findIndex((bar) => data.chosen === bar.path)))
}
