// Networks side by side: aligned diagrams at one scale, grouped bars, growth of the receptive field over one another.
// data: {view: "stages" | "bars" | "growth", title, note, networks: [{letter, label, colour}]} and
// stages: {stages: [{label, cells}], marks: [[path]]}; bars: {groups: [{label, bars}], chosen}; growth: {lines}.
// Trigger "choose": the label of a group.

export default component(({ data, root, memory, tip, send }) => {
  const area = root.querySelector(".area") || html(root, "div", { class: "area" })
  const draw = { stages: drawStages, bars: drawGroups, growth: drawGrowths }[data.view]
  onWidth(root, memory, (width) => {
    const scrolled = area.querySelector(".scroll")?.scrollLeft || 0
    area.replaceChildren()
    const title = titleLine(area, data.title, data.note)
    draw(area, data, Math.max(260, width), tip, (label) => send("choose", label), title)
    if (scrolled) area.querySelector(".scroll").scrollLeft = scrolled
  })
})

// ---- diagrams: what works at one stride stands in one row -------------------------------------------------------------

const LEFT_OF_ALL = 58, NAME = 68, COUNT = 40, HEADING = 34, BAND = 21

function drawStages(area, data, width, tip, choose, title) {
  const { networks, stages } = data
  const buttons = pictureTools(title)
  const room = Math.max(188, (width - LEFT_OF_ALL) / networks.length)
  const cells = stages.flatMap((stage) => stage.cells)
  const rows = stages.reduce((sum, stage) => sum + Math.max(...stage.cells.map((cell) => (cell ? cell.blocks.length : 0))), 0)
  const high = Math.max(13, Math.min(21, 620 / Math.max(1, rows)))
  const tall = (block) => (block.minor ? 8 : high)
  // The head has as many features as there are classes, or more: it is cut off where the widest map ends.
  const widest = Math.max(1, ...stages.filter((stage) => stage.label !== "head").flatMap((stage) => stage.cells)
    .flatMap((cell) => (cell ? cell.blocks.map((block) => block.channels) : [])))
  const most = Math.min(300, room - NAME - COUNT - 14)
  const heights = stages.map((stage) => BAND + 6 + Math.max(...stage.cells.map((cell) => (cell ? cell.blocks.reduce((sum, block) => sum + tall(block), 0) : 0))))
  const total = { wide: Math.max(width, LEFT_OF_ALL + room * networks.length), high: HEADING + heights.reduce((a, b) => a + b, 0) + 4 }
  const scroll = html(area, "div", { class: "scroll" })
  const picture = svg(scroll, "svg", {
    viewBox: `0 0 ${total.wide} ${total.high}`, width: total.wide, height: total.high, role: "group",
    "aria-label": `${networks.map((each) => each.label).join(", ")}: blocks by stride, bars as wide as their channels. Arrow keys move.`,
  })
  buttons.forEach((button) => button.addEventListener("click", () => savePicture(picture, networks.map((each) => each.label).join(" "), button.value)))
  const centre = (place) => LEFT_OF_ALL + room * place + NAME + (room - NAME - COUNT) / 2
  networks.forEach((network, place) => {
    const x = LEFT_OF_ALL + room * place
    marker(picture, place, x + 9, 15, 5, color(network))
    const name = svg(picture, "text", { x: x + 20, y: 19.5, "font-size": 13, "font-weight": 600 }, `${network.letter} ${shortened(network.label, Math.floor((room - 34) / 7.4))}`)
    svg(name, "title", {}, network.label)
  })
  const groups = []
  let top = HEADING
  stages.forEach((stage, index) => {
    svg(picture, "rect", { class: "band", x: 0, y: top, width: total.wide, height: 17, rx: 3 })
    svg(picture, "text", { x: 6, y: top + 12.5, "font-size": 11, "font-weight": 600 }, stage.label)
    stage.cells.forEach((cell, place) => {
      const middle = centre(place)
      const last = stages.slice(index + 1).every((later) => !later.cells[place])
      const first = stages.slice(0, index).every((earlier) => !earlier.cells[place])
      const from = first ? top + BAND : top + 17, to = top + heights[index] - (last ? 8 : 0)
      if (cell || !(first || last)) svg(picture, "line", { class: cell ? "trunk" : "trunk absent", x1: middle, x2: middle, y1: from, y2: to })
      if (!cell) return svg(picture, "text", { x: middle, y: top + 12.5, "text-anchor": "middle", "font-size": 11, class: "muted" }, "–")
      if (cell.resolution) svg(picture, "text", { x: middle, y: top + 12.5, "text-anchor": "middle", "font-size": 11, class: "muted" }, cell.resolution)
      let y = top + BAND
      for (const block of cell.blocks) {
        groups.push(drawBlock(picture, block, { x: middle, y, high: tall(block), wide: Math.min(most, Math.max(2, most * block.channels / widest)) }, {
          left: LEFT_OF_ALL + room * place, tip, marked: data.marks?.[place]?.includes(block.path), network: networks[place], cut: block.channels > widest,
        }))
        y += tall(block)
      }
    })
    top += heights[index]
  })
  rovingFocus(groups, 0)
  kindsLegend(area, data, new Set(cells.flatMap((cell) => (cell ? cell.blocks.flatMap((block) => (block.parts.length ? block.parts.map((part) => part.kind) : [block.kind])) : []))))
}

function drawBlock(picture, block, { x, y, high, wide }, { left, tip, marked, network, cut }) {
  const facts = [["network", `${network.letter} ${network.label}`], ["name", block.path], ...block.facts]
  const group = svg(picture, "g", { class: "block", role: "img", "data-path": block.path, "aria-label": facts.map((fact) => fact.join(" ")).join(", ") })
  svg(group, "rect", { class: "hit", x: left + 2, y, width: x - left + wide / 2 + COUNT, height: high, rx: 3 })
  const gap = block.minor ? 2.5 : 1.5
  svg(group, "rect", { class: "paper", x: x - wide / 2, y: y + gap, width: wide, height: high - 2 * gap })
  const parts = block.tap || !block.parts.length ? [{ kind: block.kind, share: 1 }] : block.parts
  let offset = x - wide / 2
  for (const part of parts) {
    const share = wide * part.share
    svg(group, "rect", {
      x: offset, y: y + gap, width: Math.max(0.6, share - (parts.length > 1 ? 0.8 : 0)), height: high - 2 * gap, rx: 2, opacity: block.minor ? 0.5 : 1,
      style: block.tap ? `fill:none;stroke:${kindColor(part.kind)};stroke-width:1.2;stroke-dasharray:3 2` : `fill:${kindColor(part.kind)}`,
    })
    offset += share
  }
  if (cut) svg(group, "path", { class: "cut", d: `M ${x + wide / 2 - 12} ${y + high} l 5 ${-high} M ${x + wide / 2 - 8} ${y + high} l 5 ${-high}` })
  if (marked) svg(group, "rect", { class: "mark", x: x - wide / 2 - 3, y: y - 0.5, width: wide + 6, height: high + 1, rx: 4 })
  if (!block.minor) {
    const base = y + high / 2 + 3.6
    svg(group, "text", { x: left + NAME - 2, y: base, "text-anchor": "end", "font-size": 10.5, class: "muted" }, block.label)
    svg(group, "text", { x: x + wide / 2 + 5, y: base, "font-size": 10.5 }, formatCount(block.channels))
  }
  interactive(group, { facts, tip })
  return group
}

// ---- bars in groups ---------------------------------------------------------------------------------------------------

function drawGroups(area, data, width, tip, choose) {
  const list = html(area, "div", { class: data.chosen === undefined ? "groups" : "groups choosable" })
  const most = Math.max(1, ...data.groups.flatMap((group) => group.bars.map((bar) => bar.value)))
  const kinds = new Set()
  for (const group of data.groups) {
    const box = html(list, "div", { class: "group", role: "group", "aria-label": group.label })
    if (data.chosen === undefined) html(box, "div", { class: "name" }, group.label)
    else {
      const chosen = data.chosen === group.label
      const button = html(box, "button", { type: "button", class: "name", "aria-pressed": chosen ? "true" : "false", title: "Show its blocks and branches" }, group.label)
      button.addEventListener("click", () => choose(group.label))
    }
    for (const bar of group.bars) {
      const network = data.networks[bar.network]
      const row = html(box, "div", { class: "row", role: "img", "aria-label": `${network.letter} ${network.label} ${bar.label} ${bar.text}` })
      markerIcon(row, bar.network, color(network))
      html(row, "span", { class: "who" }, bar.label ? `${network.letter} ${bar.label}` : network.letter)
      const track = html(row, "span", { class: "track" })
      for (const part of bar.parts) {
        const ink = part.kind ? kindColor(part.kind) : color(network)
        if (part.kind) kinds.add(part.kind)
        html(track, "i", { style: `width:${100 * part.value / most}%;background:${ink}` })
      }
      if (bar.shortest && bar.shortest < bar.value) html(track, "b", { style: `left:${100 * bar.shortest / most}%` })
      html(row, "span", { class: "text" }, bar.text)
      const facts = [["network", `${network.letter} ${network.label}`], [bar.label || group.label, bar.text]]
      if (bar.parts.length > 1) for (const part of bar.parts) facts.push([data.palette[part.kind].label, formatShare(part.value / bar.value, 0)])
      interactive(row, { facts, tip })
    }
  }
  if (kinds.size) kindsLegend(area, data, kinds)
}

// ---- growth -----------------------------------------------------------------------------------------------------------

function drawGrowths(area, data, width, tip) {
  const high = 300, left = 46, right = 30, top = 12, bottom = 26
  const { lines, networks, stages } = data
  const last = (line) => line[line.length - 1]
  const tallest = Math.max(2, ...lines.map((line) => last(line).longest))
  const x = (at) => left + (width - left - right) * at / Math.max(1, stages.length)
  const y = (value) => top + (high - top - bottom) * (1 - Math.log(value) / Math.log(tallest * 1.15))
  const said = lines.map((line, place) => `${networks[place].label} ends at ${formatCount(last(line).longest)} pixels`)
  const picture = plot(area, width, high, `Receptive field stage by stage. ${said.join("; ")}. Arrow keys move.`)
  const powers = [1, 10, 100, 1000, 10_000].filter((value) => value <= tallest)
  gridRows(picture, powers, y, left, width - right, formatCount)
  stages.forEach((label, index) => {
    svg(picture, "line", { class: "axis", x1: x(index), x2: x(index), y1: top, y2: high - bottom })
    const middle = (x(index) + x(index + 1)) / 2
    const words = x(1) - x(0) < 60 ? label.replace("stride ", "/") : label
    tickText(picture, middle, high - 8, words, { "text-anchor": "middle" })
  })
  const hits = []
  const taken = []
  lines.forEach((line, place) => {
    const ink = color(networks[place])
    const path = (key) => course(line.map((point) => [x(point.at), y(point[key])]))
    svg(picture, "path", { class: "line", d: path("longest"), style: `stroke:${ink}` })
    if (line.some((point) => point.shortest !== point.longest)) svg(picture, "path", { class: "line shortest", d: path("shortest"), style: `stroke:${ink}` })
    for (const point of line) {
      const after = point.path || "the image"
      const group = svg(picture, "g", { class: "point", role: "img", "aria-label": `${networks[place].label}, after ${after}: ${formatCount(point.longest)} pixels` })
      svg(group, "circle", { cx: x(point.at), cy: y(point.longest), r: 9, fill: "transparent" })
      marker(group, place, x(point.at), y(point.longest), 3.4, ink)
      const facts = [["network", `${networks[place].letter} ${networks[place].label}`], ["after", after], ["longest path", `${formatCount(point.longest)} px`], ["shortest path", `${formatCount(point.shortest)} px`]]
      interactive(group, { facts, tip })
      hits.push(group)
    }
    const end = x(last(line).at)
    let at = y(last(line).longest) + 4
    while (taken.some(([there, across]) => Math.abs(there - at) < 12 && Math.abs(across - end) < 20)) at += 12
    taken.push([at, end])
    svg(picture, "text", { x: end + 8, y: at, "font-size": 12, "font-weight": 700, style: `fill:${ink}` }, networks[place].letter)
  })
  rovingFocus(hits, 0)
  markerLegend(area, networks.map((network) => ({ ...network, label: `${network.letter} ${network.label}` })))
}
