// One block large, put before diagram.js: branches as lanes as wide as their channels, with ports, gaps and fields.
// data: see there, `block`.

const BOX = { width: 112, height: 54 }
const ROW_GAP = 13
const BAR = 14
const LEAD = 67 // before the lanes of a split, for its own gap
const NEAR = 17 // from a box to the gap beside it
const FIELD = { room: 50, away: 47, side: 24 } // what a branch sees of the image, behind its last box

function drawBlock(area, data, width, tip, choose, build) {
  area.replaceChildren()
  if (data.block === undefined) return
  if (data.overview) html(area, "hr", { class: "rule" })
  if (!data.block) {
    html(area, "p", { class: "hint" }, data.overview.length ? "Choose a layer above to see it large and to edit it." : "What is inserted is shown here large, to be edited.")
    return
  }
  const block = data.block
  const title = titleLine(area, block.title, block.subtitle)
  const buttons = pictureTools(title)
  const scroll = html(area, "div", { class: "scroll" })
  const plan = layout(block.tree, 0)
  // A concatenation at the very end is the output bar itself; anything else leads to one by a lane of its own.
  const ends = plan.concat ? 1 : 2
  const fixed = (plan.concat ? 76 : 120) + plan.fixed
  const gap = Math.max(36, Math.min(170, (width - fixed - 8) / (plan.gaps + ends)))
  const across = fixed + gap * (plan.gaps + ends)
  const high = Math.max(plan.height, 84)
  const total = Math.max(width, across)
  const frame = { top: 34, bottom: 30 }
  const scale = Math.max(data.fit ? 0.55 : 0.72, Math.min(1, width / total)) // a long chain shrinks a little before it scrolls
  const picture = svg(scroll, "svg", {
    viewBox: `0 0 ${total} ${high + frame.top + frame.bottom}`, width: total * scale, height: (high + frame.top + frame.bottom) * scale,
    role: "group", "aria-label": block.description,
  })
  buttons.forEach((button) => button.addEventListener("click", () => savePicture(picture, block.title, button.value)))
  const widest = Math.max(block.input.channels, block.output.channels, ...channelsOf(block.tree))
  const lanes = svg(picture, "g", {})
  const shapes = svg(picture, "g", {})
  const boxes = []
  const draw = {
    gap, lanes, shapes, boxes, tip, choose, chosen: data.tools?.paths ?? [], gaps: [],
    mark(x, y, place, path, label, fan = false) {
      this.gaps.push([{ x, y, place, path, label }, { scale, fan }])
    },
    thickness: (channels) => Math.max(2, (BOX.height - 18) * channels / widest),
  }
  const middle = frame.top + high / 2 + plan.shift
  const left = (total - across) / 2
  const inHigh = Math.min(high, Math.max(40, plan.spread))
  svg(shapes, "rect", { x: left + 40, y: middle - inHigh / 2, width: BAR, height: inHigh, rx: 5, fill: kindColor("fuse"), opacity: 0.35 })
  label(shapes, left + 47, frame.top - 16, formatCount(block.input.channels), { weight: 600, size: 13 })
  label(shapes, left + 47, frame.top + high + 20, block.input.shape, { muted: true })
  const start = { x: left + 40 + BAR, y: middle, channels: block.input.channels, kind: "fuse", bar: inHigh, faint: true }
  const from = left + 60 + gap
  const end = place(block.tree, plan, from, middle, start, draw)
  if (!block.tree.children) markBeside(draw, block.tree, from, end.x, middle)
  const right = left + across - 60
  if (end.bar) {
    label(shapes, end.x - BAR / 2, frame.top - 16, `${end.title} ${formatCount(block.output.channels)}`, { weight: 600, size: 13 })
    label(shapes, end.x - BAR / 2, frame.top + high + 20, block.output.shape, { muted: true })
  } else {
    lane(draw, end, { x: right, y: middle })
    svg(shapes, "rect", { x: right, y: middle - 22, width: BAR, height: 44, rx: 5, fill: kindColor(end.kind) })
    label(shapes, right + 7, frame.top - 16, formatCount(block.output.channels), { weight: 600, size: 13 })
    label(shapes, right + 7, frame.top + high + 20, block.output.shape, { muted: true })
  }
  const marks = draw.gaps.map(([at, look]) => drawGap(picture, at, build, look))
  boxes.forEach(speakText)
  rovingFocus(boxes, Math.max(0, boxes.findIndex((box) => box.getAttribute("aria-pressed") === "true")))
  rovingFocus(marks, 0)
}

// The gaps on both sides of what is alone in its lane.
function markBeside(draw, tree, x, end, y) {
  draw.mark(x - NEAR, y, "before", tree.path, `Insert before ${tree.name}`)
  draw.mark(end + NEAR, y, "after", tree.path, `Insert behind ${tree.name}`)
}

const isChain = (tree) => tree.op === "sequence" || tree.op === "auxiliary"

const channelsOf = (tree) => [tree.channels || 1, ...(tree.children || []).flatMap(channelsOf)]

// Sizes, bottom up: fixed width, number of gaps that may stretch, height, and how far the branches spread.
function layout(tree, depth) {
  const children = (tree.children || []).map((child) => layout(child, depth + 1))
  if (tree.op === "parallel" && children.length) {
    const fixed = Math.max(...children.map((child) => child.fixed)) + LEAD + (tree.fields ? FIELD.room : 0) + (tree.title === "concat" ? BAR + 34 : 44)
    const gaps = Math.max(...children.map((child) => child.gaps)) + 1
    const height = children.reduce((sum, child) => sum + child.height, 0) + ROW_GAP * (children.length - 1)
    return { children, fixed, gaps, height, spread: height, shift: 0, concat: tree.title === "concat" }
  }
  if (tree.op === "residual") {
    const body = children[0]
    // The shortcut runs above the body, whose line lies that much below the middle of the whole.
    return { children, fixed: body.fixed + 2 * NEAR + 34, gaps: body.gaps + 1, height: body.height + 60, spread: body.spread, shift: 22 }
  }
  if (tree.children) {
    if (!children.length) return { children, fixed: 44, gaps: 0, height: 22, spread: 0, shift: 0 }
    return {
      children,
      fixed: children.reduce((sum, child) => sum + child.fixed, 0),
      gaps: children.reduce((sum, child) => sum + child.gaps, 0) + children.length - 1,
      height: Math.max(...children.map((child) => child.height)),
      spread: Math.max(...children.map((child) => child.spread)),
      shift: Math.max(...children.map((child) => child.shift)),
      concat: children[children.length - 1].concat,
    }
  }
  return { children, fixed: BOX.width, gaps: 0, height: BOX.height, spread: 0, shift: 0 }
}

// Draw a subtree whose left edge is x, around the line y, fed from the port `from`; returns its output port.
function place(tree, plan, x, y, from, draw) {
  const wide = plan.fixed + plan.gaps * draw.gap
  if (tree.op === "parallel" && plan.children.length) return placeParallel(tree, plan, x, y, from, draw, wide)
  if (tree.op === "residual") return placeResidual(tree, plan, x, y, from, draw, wide)
  if (tree.children) {
    if (!plan.children.length) {
      const to = { x: x + wide, y }
      lane(draw, from, to)
      label(draw.shapes, x + wide / 2, y - 16, "identity", { muted: true, halo: true })
      draw.mark(x + wide / 2, y, "inside", tree.path, `Insert into ${tree.name}, which is empty`)
      return { ...from, ...to, bar: 0 }
    }
    let at = x
    let port = from
    tree.children.forEach((child, index) => {
      if (!index) draw.mark(at - NEAR, y, "before", child.path, `Insert before ${child.name}`)
      port = place(child, plan.children[index], at, y, port, draw)
      at += plan.children[index].fixed + plan.children[index].gaps * draw.gap
      const next = tree.children[index + 1]
      draw.mark(next ? at + draw.gap / 2 : at + NEAR, y, "after", child.path, next ? `Insert between ${child.name} and ${next.name}` : `Insert behind ${child.name}`)
      at += draw.gap
    })
    return port
  }
  lane(draw, from, { x, y })
  placeBox(tree, x, y, draw)
  return { x: x + BOX.width, y, channels: tree.channels, kind: tree.kind }
}

function placeParallel(tree, plan, x, y, from, draw, wide) {
  const concat = tree.title === "concat"
  const joint = x + wide - (concat ? BAR + 34 : 22)
  const last = joint - draw.gap - (tree.fields ? FIELD.room : 0) // where the branches end
  let top = y - plan.height / 2
  const spread = from.bar || 0
  draw.mark(x + 16, y, "inside", tree.path, `Add a branch to ${tree.name}`, true)
  const ports = tree.children.map((child, index) => {
    const own = plan.children[index]
    const middle = top + own.height / 2
    top += own.height + ROW_GAP
    // Lanes leave a tall bar side by side, and a single point together.
    const share = plan.children.length > 1 ? index / (plan.children.length - 1) - 0.5 : 0
    const source = { ...from, y: from.y + share * spread * 0.86 }
    const ownWide = own.fixed + own.gaps * draw.gap
    const empty = child.children && !child.children.length
    const begin = empty ? x + LEAD : last - ownWide
    const port = place(child, empty ? { ...own, fixed: last - begin } : own, begin, middle, source, draw)
    if (!isChain(child)) markBeside(draw, child, begin, last, middle)
    if (tree.fields?.[index]) placeField(draw, tree, index, last + FIELD.away, middle - 6)
    return port
  })
  if (!concat) {
    for (const port of ports) lane(draw, port, { x: joint, y })
    const group = svg(draw.shapes, "g", {})
    decorate(group, tree, draw)
    svg(group, "circle", { class: "shape", cx: joint, cy: y, r: 16, stroke: kindColor("fuse") })
    label(group, joint, y + 6, tree.title === "add" ? "+" : "×", { weight: 600, size: 18 })
    return { x: joint + 16, y, channels: tree.channels, kind: "fuse" }
  }
  const whole = ports.reduce((sum, port) => sum + port.channels, 0)
  const high = Math.max(plan.height - 6, 40)
  const parts = ports.map((port) => Math.max(4, (high - 2 * (ports.length - 1)) * port.channels / whole))
  const scale = (high - 2 * (ports.length - 1)) / parts.reduce((a, b) => a + b, 0)
  let offset = y - high / 2
  const group = svg(draw.shapes, "g", {})
  decorate(group, tree, draw)
  svg(group, "rect", { class: "hit", x: joint - 5, y: offset, width: GAP_PX, height: high }) // the slits between its parts, too
  ports.forEach((port, index) => {
    const part = parts[index] * scale
    lane(draw, port, { x: joint, y: offset + part / 2 })
    svg(group, "rect", { class: "shape", x: joint, y: offset, width: BAR, height: part, rx: 3, style: `fill:${kindColor(tree.branch_kinds[index])};stroke:none` })
    if (part > 9 || ports.length < 5) label(group, joint + BAR + 6, offset + part / 2 + 4, formatCount(port.channels), { muted: true, anchor: "start", halo: true })
    offset += part + 2
  })
  return { x: joint + BAR, y, channels: tree.channels, kind: "fuse", bar: high, title: "concat" }
}

// What a unit at the end of a branch sees of the image: a square in that of the branch that sees most; dashed with holes.
function placeField(draw, tree, index, x, y) {
  const { size, text, touched } = tree.fields[index]
  const most = Math.max(...tree.fields.flatMap((field) => field?.size ?? []))
  const square = (high, wide, attributes) => svg(draw.shapes, "rect", { x: x - wide / 2, y: y - high / 2, width: wide, height: high, ...attributes })
  const [high, wide] = size.map((side) => Math.max(3, FIELD.side * side / most))
  const colour = kindColor(tree.branch_kinds[index])
  square(FIELD.side, FIELD.side, { class: "most" })
  square(high, wide, { class: touched ? "sees holes" : "sees", "data-field": `${text} ${touched}`, style: `fill:${colour};stroke:${colour}` })
  label(draw.shapes, x, y + FIELD.side / 2 + 11, text, { size: 9.5, halo: true })
  if (touched) label(draw.shapes, x, y + FIELD.side / 2 + 21, touched, { size: 9.5, halo: true, muted: true })
}

function placeResidual(tree, plan, x, y, from, draw, wide) {
  const body = plan.children[0]
  const joint = x + wide - 17
  const line = y
  const over = line - body.height / 2 - 26
  const port = place(tree.children[0], body, x + 2 * NEAR, line, from, draw)
  if (!isChain(tree.children[0])) markBeside(draw, tree.children[0], x + 2 * NEAR, x + 2 * NEAR + body.fixed + body.gaps * draw.gap, line)
  lane(draw, port, { x: joint - 16, y: line })
  const projection = tree.shortcut === "projection"
  const begin = from.x + 4
  const source = from.y - (from.bar ? from.bar / 2 - 8 : 0)
  svg(draw.lanes, "path", {
    class: "skip", stroke: kindColor("shortcut"), style: projection ? "" : "stroke-dasharray:none",
    d: `M ${begin} ${source} C ${begin + 22} ${source}, ${begin} ${over}, ${begin + 34} ${over} L ${joint - 24} ${over} Q ${joint} ${over} ${joint} ${line - 16}`,
  })
  const named = projection ? `projection shortcut 1×1 · ${tree.cost}` : "identity shortcut"
  label(draw.shapes, (begin + joint) / 2, over - 6, named, { muted: true, halo: true })
  const group = svg(draw.shapes, "g", {})
  decorate(group, tree, draw)
  svg(group, "circle", { class: "shape", cx: joint, cy: line, r: 16, stroke: kindColor("shortcut") })
  label(group, joint, line + 6, "+", { weight: 600, size: 18 })
  if (tree.title !== "+") label(group, joint - 22, line + 30, tree.title.replace("+ ", ""), { muted: true, halo: true })
  return { x: joint + 16, y: line, channels: tree.channels, kind: "shortcut" }
}

function decorate(group, tree, draw) {
  group.setAttribute("class", "box")
  group.setAttribute("role", "button")
  group.setAttribute("data-path", tree.path)
  group.setAttribute("aria-pressed", draw.chosen.includes(tree.path) ? "true" : "false")
  group.setAttribute("aria-label", `${tree.name}: ${(tree.facts || []).map((fact) => fact.join(" ")).join(", ")}`)
  interactive(group, { facts: [["name", tree.name], ...(tree.facts || [])], tip: draw.tip, choose: (event) => draw.choose(tree.path, event) })
  draw.boxes.push(group)
}

// Who speaks to a computer calls a box by what stands in it: its name says that, too, and first.
function speakText(group) {
  const texts = [...group.querySelectorAll("text")]
  texts.slice(1).forEach((text) => text.before(" "))
  const shown = texts.map((text) => text.textContent).join(" ")
  const name = group.getAttribute("aria-label")
  if (!name.includes(shown)) group.setAttribute("aria-label", `${shown}: ${name}`)
}

function placeBox(tree, x, y, draw) {
  const group = svg(draw.shapes, "g", {})
  decorate(group, tree, draw)
  const top = y - BOX.height / 2
  svg(group, "rect", { class: "shape", x, y: top, width: BOX.width, height: BOX.height, rx: 7, stroke: kindColor(tree.kind) })
  svg(group, "path", { d: `M ${x + 5} ${top} h -0 a 5 7 0 0 0 -5 7 v ${BOX.height - 14} a 5 7 0 0 0 5 7 z`, style: `fill:${kindColor(tree.kind)}` })
  const title = label(group, x + 13, y - 9, tree.title, { anchor: "start", weight: 600, size: tree.title.length > 9 ? 11 : 13 })
  if (tree.note) {
    const note = svg(title, "tspan", { "font-weight": 500, "font-size": 10.5, dx: 5 }, tree.note)
    note.setAttribute("style", `fill:${kindColor(tree.kind)}`)
  }
  label(group, x + BOX.width - 8, y - 9, formatCount(tree.channels), { anchor: "end", size: 13 })
  label(group, x + 13, y + 6, tree.cost, { anchor: "start", muted: true, size: 10.5 })
  label(group, x + 13, y + 19, tree.shape, { anchor: "start", muted: true, size: 10.5 })
}

function lane(draw, from, to) {
  const bend = Math.max(12, (to.x - from.x) / 2)
  svg(draw.lanes, "path", {
    class: "lane", d: `M ${from.x} ${from.y} C ${from.x + bend} ${from.y}, ${to.x - bend} ${to.y}, ${to.x} ${to.y}`,
    style: `stroke:${kindColor(from.kind)};stroke-width:${draw.thickness(from.channels)};stroke-opacity:${from.faint ? 0.16 : 0.45}`,
  })
}

function label(parent, x, y, text, { anchor = "middle", size = 11, weight = 400, muted = false, halo = false } = {}) {
  return svg(parent, "text", { x, y, "text-anchor": anchor, "font-size": size, "font-weight": weight, class: `${muted ? "muted" : ""}${halo ? " halo" : ""}` }, text)
}
