// The network as an overview, and its chosen block large: branches as lanes as wide as their channels.
// data: {overview: [column], block: tree | null, chosen: path, tools, parts, branches, refused: {text, offers}, palette, name}; without parts it is
// looked at only, without overview or block the other is drawn alone, with `fit` it shrinks further before it scrolls; commands "choose": path,
// "extend": {from, to}, "edit": {gesture, phase, command}. How it is built by hand: building.js.

const BOX = { width: 112, height: 54 }
const ROW_GAP = 13
const BAR = 14
const LEAD = 67 // before the lanes of a split, for its own gap
const NEAR = 17 // from a box to the gap beside it
const FIELD = { room: 50, away: 47, side: 24 } // what a branch sees of the image, behind its last box

export default component(({ data, root, memory, tip, send }) => {
  const build = (memory.build ??= { root, memory })
  build.data = data
  if (!root.querySelector(".overview-area")) {
    for (const name of ["overview-area", "tools-area", "block-area"]) html(root, "div", { class: name })
    html(root, "div", { class: "told", role: "status" })
    if (data.parts) {
      listenToKeys(build)
      listenToDrags(build)
    }
    root.classList.toggle("read-only", !data.parts)
  }
  if (data.parts) listenToClipboard(build)
  memory.renamed = null
  const pick = (path, event) => (event?.shiftKey ? extendTo(build, path) : choose(build, path))
  const active = root.getRootNode().activeElement
  const focused = focusKey(active)
  if (focused) memory.inStrip = Boolean(active.closest(".overview-area"))
  const isNew = memory.chosen !== data.chosen
  memory.chosen = data.chosen
  onWidth(root, memory, (width) => {
    keepScroll(root, () => {
      drawOverview(root.querySelector(".overview-area"), data, width, tip, pick, build)
      drawTools(root.querySelector(".tools-area"), build)
      drawBlock(root.querySelector(".block-area"), data, width, tip, pick, build)
    })
    if (isNew) bringIntoView(root)
    restoreFocus(build, focused, isNew)
    focusName(build)
  })
  // Two frames later the numbers and the pictures are on the screen: now the rest of the page may come.
  if (data.wake && !memory.woken) {
    memory.woken = true
    requestAnimationFrame(() => requestAnimationFrame(() => send("wake", nameOfTab())))
  }
})

// What a focused element is, over a redraw.
const FOCUS = ["class", "data-path", "data-beside", "data-place", "data-tool"]
const focusKey = (node) => (node?.matches?.("g[data-path], g[data-beside], [data-tool]") ? FOCUS.map((name) => node.getAttribute(name)).join("|") : null)

// The focus stays where it is; it goes to what was added, and never nowhere.
function restoreFocus({ root, memory }, focused, isNew) {
  const active = root.getRootNode().activeElement
  if (active && root.contains(active)) return
  if (!focused) return
  const again = [...root.querySelectorAll("g[data-path], g[data-beside], [data-tool]")].find((node) => focusKey(node) === focused && !node.disabled)
  const pressed = [...root.querySelectorAll('g[data-path][aria-pressed="true"]')] // those of the strip come first
  const chosen = pressed.at(memory.inStrip ? 0 : -1)
  const target = (memory.follow && isNew && !focused.includes("tool") ? chosen : again) ?? chosen ?? root.querySelector("g[tabindex]")
  memory.follow = false
  target?.focus({ preventScroll: true })
}

// A redraw makes new scrolling areas: they stand where the old ones did.
function keepScroll(root, draw) {
  const lefts = [...root.querySelectorAll(".scroll")].map((area) => area.scrollLeft)
  draw()
  root.querySelectorAll(".scroll").forEach((area, index) => {
    if (lefts[index]) area.scrollLeft = lefts[index] // setting it has the browser lay out the page, even to 0
  })
}

function bringIntoView(root) {
  for (const node of root.querySelectorAll('g[aria-pressed="true"]')) {
    const area = node.closest(".scroll")
    const at = node.getBoundingClientRect(), room = area.getBoundingClientRect()
    if (at.left < room.left) area.scrollLeft -= room.left - at.left + 30
    else if (at.right > room.right) area.scrollLeft += at.right - room.right + 30
  }
}

const isChosen = (data, path) => data.chosen === path || data.chosen.startsWith(`${path}/`) || Boolean(data.tools?.paths.includes(path))

// ---- overview ----------------------------------------------------------------------------------------------------

function drawOverview(area, data, width, tip, choose, build) {
  area.replaceChildren()
  if (!data.overview) return
  const title = titleLine(area, "Network", `height: feature map · width: channels · colour: operation${data.parts ? " · drag to move, + to insert" : ""}`)
  const buttons = pictureTools(title)
  const columns = data.overview
  const tall = Math.max(1, ...columns.map((column) => column.height))
  const top = data.parts ? 42 : 12, room = 104, gap = 7, margin = 14
  const natural = (column) => column.minor ? 5 : column.tap ? 9 : column.kind === "pooling" ? 10 : 10 + 1.35 * Math.sqrt(column.channels)
  const cell = (wide) => Math.max(GAP_PX + 1, wide + gap) // the gaps over its borders are as far apart as a finger needs
  const sum = (stretch) => columns.reduce((total, column) => total + cell(natural(column) * stretch), 2 * margin)
  let stretch = 3
  while (stretch > 0.45 && sum(stretch) > width) stretch *= 0.96
  const drawn = columns.map((column) => natural(column) * stretch)
  const used = sum(stretch)
  const total = Math.max(width, used)
  const scroll = html(area, "div", { class: "scroll" })
  const picture = svg(scroll, "svg", {
    viewBox: `0 0 ${total} ${top + room + 46}`, width: total, height: top + room + 46, role: "group",
    "aria-label": `Overview of ${data.name}, ${columns.length} layers${describeRoles(columns)}. Arrow keys move, Enter chooses, Enter again goes to its settings, Alt and arrows move a layer, Shift and arrows choose several, plus inserts behind it.`,
  })
  buttons.forEach((button) => button.addEventListener("click", () => savePicture(picture, data.name, button.value)))
  let x = margin + (total - used) / 2
  let labelEnd = -100
  const roles = []
  const last = columns.at(-1)
  const gaps = [drawGap(picture, {
    x, y: 16, ...(last ? { place: "before", path: columns[0].path } : { place: "inside", path: "" }),
    label: last ? `Insert before ${columns[0].name}` : "Insert the first layer",
  }, build)]
  if (!last) label(picture, x, top + room / 2, "An empty network: + inserts its first layer.", { anchor: "middle", muted: true })
  const groups = columns.map((column, index) => {
    const chosen = isChosen(data, column.path)
    const wide = drawn[index], pitch = cell(wide)
    const left = x + (pitch - wide) / 2
    // A head taps the trunk from below and is drawn hollow: inference does not have it.
    const high = column.tap ? 30 : 26 + (room - 26) * Math.sqrt(column.height / tall)
    const y = column.tap ? top + room - 30 : top + (room - high) / 2
    const group = svg(picture, "g", {
      class: "column", role: "button", "data-path": column.path, "aria-pressed": chosen ? "true" : "false",
      "aria-label": `${column.name}: ${column.facts.map((fact) => fact.join(" ")).join(", ")}`,
    })
    svg(group, "rect", { class: "hit", x, y: top - 10, width: pitch, height: room + 38 })
    const parts = column.parts.length ? column.parts : [{ kind: column.kind, share: 1 }]
    let offset = 0
    for (const part of parts) {
      const share = part.share * high
      svg(group, "rect", {
        class: "part", x: left, y: y + offset + (offset ? 1 : 0), width: wide, height: Math.max(1, share - (offset ? 1 : 0)),
        rx: Math.min(3, wide / 3), opacity: column.minor ? 0.55 : 1,
        style: column.tap ? `fill:none;stroke:${kindColor(part.kind)};stroke-width:1.5;stroke-dasharray:3 2` : `fill:${kindColor(part.kind)}`,
      })
      offset += share
    }
    svg(group, "rect", { class: "frame", x: left - 4, y: y - 4, width: wide + 8, height: high + 8, rx: 6 })
    const centre = left + wide / 2
    const half = column.label.length * 3.1
    // A label is left out where it would run into its neighbour's; the chosen one is always shown.
    if (column.label && !(column.minor && !chosen) && (chosen || centre - half > labelEnd + 3)) {
      svg(group, "text", { x: centre, y: top + room + 22, "text-anchor": "middle", "font-size": 10.5, class: chosen ? "" : "muted" },
        column.label)
      labelEnd = centre + half
    }
    speakText(group)
    interactive(group, { facts: column.facts, tip, choose: (event) => choose(column.path, event) })
    if (!column.tap) {
      if (roles.at(-1)?.name !== column.role) roles.push({ name: column.role, from: x })
      roles.at(-1).to = x + pitch
    }
    x += pitch
    const next = columns[index + 1]
    gaps.push(drawGap(picture, { x, y: 16, place: "after", path: column.path, label: `Insert ${next ? `between ${column.name} and ${next.name}` : `behind ${column.name}`}` }, build))
    return group
  })
  drawRoles(picture, roles, top + room + 33)
  const current = columns.findIndex((column) => isChosen(data, column.path))
  rovingFocus(groups, Math.max(0, current))
  rovingFocus(gaps, Math.max(0, current + 1))
  const kinds = new Set(columns.flatMap((column) => column.parts.length ? column.parts.map((part) => part.kind) : [column.kind]))
  kindsLegend(area, data, kinds)
}

// Backbone, neck and head, as lines below the columns; a word moves left where it would run into the one behind it.
function drawRoles(picture, roles, y) {
  let start = picture.viewBox.baseVal.width - 2
  for (const { name, from, to } of [...roles].reverse()) {
    svg(picture, "path", { class: `role ${name}`, d: `M${from + 2} ${y - 4} V${y} H${to - 2} V${y - 4}` })
    const half = name.length * 2.9, middle = Math.min((from + to) / 2, start - half)
    svg(picture, "text", { x: middle, y: y + 12, "text-anchor": "middle", "font-size": 10.5, class: "muted" }, name)
    start = middle - half - 6
  }
}

// ": backbone conv1 to inception_5b, neck avgpool to dropout, head fc"; what taps the trunk is left out.
function describeRoles(columns) {
  const spans = new Map()
  for (const { tap, role, name } of columns) if (!tap) spans.set(role, [spans.get(role)?.[0] ?? name, name])
  return spans.size ? `: ${[...spans].map(([role, [first, last]]) => `${role} ${first === last ? first : `${first} to ${last}`}`).join(", ")}` : ""
}

// ---- one block ---------------------------------------------------------------------------------------------------

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
