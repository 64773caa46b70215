// The network as an overview, and its chosen block large: branches as lanes as wide as their channels.
// data: {overview: [column], block: tree | null, chosen: path, tools, parts, branches, refused: {text, offers}, palette, name}; without parts it is
// looked at only, without overview or block the other is drawn alone, with `fit` it shrinks further before it scrolls; commands "choose": path,
// "extend": {from, to}, "edit": {gesture, phase, command}. How it is built by hand: building.js.

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
