// What a unit sees, exactly: the field over the picture or the map on which it lies, beside the map of units.
// data: {frames: [{title, note, src, pixelated, source: {rows, columns, name}, units: {rows, columns, first, step},
// mode: "unit" | "pixel", at, field: {mask, box, outside, whole}, branches: [{name, kind, text, mask, box, outside}],
// heat: {src, scale, unit, clear} | null, over: the same with ring: [row, column, down, across] | null, facts: [[name, value, meaning]], said}], show: [layer], alt}
// In mode "unit" a unit is chosen and the field lies on the source; in mode "pixel" it is the other way round.
// commands "place": {frame, at}, "move": {frame, by}.

const GRID_PX = 7 // cells of at least this size have lines between them
const MOST_RECTS = 8000 // a mask of more is a picture instead
const MARGIN = 0.2 // how far a box may reach beyond the map, in parts of its side
const ZOOMS = [1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32]
const DASHES = ["", "8 8", "3 6", "12 5 3 5"]

export default component(({ data, root, memory, send }) => {
  const active = root.getRootNode().activeElement?.getAttribute?.("data-plane")
  const area = root.querySelector(".fields") || html(root, "div", { class: "fields" })
  const said = root.querySelector(".said") || html(root, "p", { class: "said", role: "status" })
  memory.zoom ??= 0
  memory.through ??= {}
  memory.again = () => draw(area, data, memory, root.clientWidth || 720)
  onWidth(root, memory, () => memory.again())
  said.textContent = data.frames.map((frame) => `${frame.said}.`).join(" ")
  if (active) [...root.querySelectorAll("[data-plane]")].find((node) => node.getAttribute("data-plane") === active)?.focus({ preventScroll: true })

  function draw(parent, { frames }, _, width) {
    parent.replaceChildren()
    const room = frames.length > 1 && width > 640 ? (width - 24) / frames.length : width
    frames.forEach((frame, index) => drawFrame(parent, { frame, index, data, memory, send, room }))
  }
})

function drawFrame(parent, look) {
  const { frame, index, memory, room } = look
  const figure = html(parent, "section", { class: "field", style: `width:${room}px`, "aria-label": frame.title })
  const title = titleLine(figure, frame.title, frame.note)
  const buttons = tools(title, look)
  const body = html(figure, "div", { class: "body" })
  const beside = room > 520
  const small = frame.mode === "pixel" ? Math.min(room, beside ? 0.36 * room : 320) : 132
  const wide = beside ? Math.min(0.62 * room, room - 230) : Math.min(room, 520)
  const drawing = drawSource(html(body, "div", { class: "source" }), look, wide)
  const side = html(body, "div", { class: "side", style: `width:${beside ? room - wide - 20 : room}px` })
  drawUnits(side, look, Math.min(small, room))
  if (frame.branches.length) drawBranches(side, look)
  drawFacts(side, frame.facts)
  buttons.forEach((button) => button.addEventListener("click", () => savePicture(drawing, `${frame.title} ${frame.at.join("-")}`, button.value)))
}

// ---- what can be done with the drawing ---------------------------------------------------------------------------------

function tools(title, { memory }) {
  const buttons = pictureTools(title)
  const push = title.querySelector(".push")
  const zoom = (label, hint, to) => {
    const button = html(push, "button", { class: "tool", type: "button", title: hint, "aria-label": hint, "data-zoom": label }, label)
    button.addEventListener("click", () => {
      memory.zoom = Math.min(ZOOMS.length - 1, Math.max(0, to(memory.zoom)))
      const root = button.getRootNode()
      memory.again()
      root.querySelector(`[data-zoom="${label}"]`)?.focus()
    })
  }
  zoom("−", "Show more of the map", (now) => now - 1)
  zoom("+", "Enlarge around the field", (now) => now + 1)
  zoom("All", "Show all of the map", () => 0)
  push.append(...buttons)
  return buttons
}

// The part of a map that is shown, in its cells.
function viewOf({ rows, columns }, { box, outside }, zoom) {
  const reach = outside ?? box
  const room = MARGIN * Math.max(rows, columns)
  const over = reach ? Math.min(room, Math.max(0, -reach[0], -reach[1], reach[2] - rows, reach[3] - columns)) : 0
  const whole = { top: -over, left: -over, height: rows + 2 * over, width: columns + 2 * over }
  if (zoom === 1) return whole
  const height = whole.height / zoom, width = whole.width / zoom
  const [down, across] = box ? [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2] : [rows / 2, columns / 2]
  const within = (middle, size, first, all) => Math.min(Math.max(middle - size / 2, first), first + all - size)
  return { top: within(down, height, whole.top, whole.height), left: within(across, width, whole.left, whole.width), height, width }
}

// A drawing in pixels of the screen, so that lines and the saved file are as thick as they look.
function sheet(parent, { view, wide, name, alt }) {
  const scale = wide / view.width
  const picture = svg(parent, "svg", {
    class: "plane", viewBox: `0 0 ${wide} ${view.height * scale}`, width: wide, height: view.height * scale,
    role: "application", tabindex: 0, "aria-label": alt, "data-plane": name,
  })
  const x = (column) => (column - view.left) * scale, y = (row) => (row - view.top) * scale
  const rect = (box, attributes) => svg(picture, "rect", {
    x: x(box[1]), y: y(box[0]), width: Math.max(0.5, (box[3] - box[1]) * scale), height: Math.max(0.5, (box[2] - box[0]) * scale), ...attributes,
  })
  const at = (event) => {
    const frame = picture.getBoundingClientRect()
    return [view.top + (event.clientY - frame.top) / frame.height * view.height, view.left + (event.clientX - frame.left) / frame.width * view.width]
  }
  return { picture, scale, x, y, rect, at, view }
}

function drawSource(parent, look, wide) {
  const { frame, index, memory, data } = look
  const { source, field } = frame
  const whole = [0, 0, source.rows, source.columns]
  const onSource = frame.mode === "unit"
  const point = [frame.at[0], frame.at[1], frame.at[0] + 1, frame.at[1] + 1]
  const view = viewOf(source, onSource ? field : { box: point }, ZOOMS[memory.zoom])
  const centre = [0, 1].map((axis) => frame.units.first[axis] + frame.at[axis] * frame.units.step[axis])
  const keys = onSource ? "A click chooses the unit whose centre is nearest, arrow keys its neighbours." : "A click chooses a pixel, arrow keys its neighbours."
  const sheetOf = sheet(parent, { view, wide, name: `source ${index}`, alt: `${frame.said}. ${keys}` })
  const { picture, scale, x, y, rect } = sheetOf
  rect(whole, { class: "paper" })
  if (frame.src) svg(picture, "image", { href: frame.src, x: x(0), y: y(0), width: source.columns * scale, height: source.rows * scale, preserveAspectRatio: "none", class: frame.pixelated ? "pixelated" : "" })
  const show = (name) => data.show.includes(name)
  const heats = onSource ? [show("paths") && frame.heat, show("effective") && frame.over].filter(Boolean) : []
  if (onSource && field.box) {
    const through = frame.branches.find(({ name }) => name === memory.through[index])
    if (show("touched")) drawMask(sheetOf, through ?? field, { whole: source, photo: Boolean(frame.src), dark: !field.whole, kind: through?.kind })
    for (const heat of heats) svg(picture, "image", { href: heat.src, x: x(0), y: y(0), width: source.columns * scale, height: source.rows * scale, preserveAspectRatio: "none", class: "pixelated heat", opacity: heat.clear ? 1 : 0.72 })
    grid(sheetOf, source)
    if (show("branches")) frame.branches.forEach((branch, place) => outline(sheetOf, branch.box, {
      style: `stroke:${kindColor(branch.kind)};stroke-dasharray:${dash(frame.branches, place)};stroke-opacity:${through && through !== branch ? 0.25 : 1}`, class: "line branch", "data-branch": branch.name,
    }))
    if (show("box")) {
      if (field.outside) outline(sheetOf, field.outside, { class: "line outside", "data-box": field.outside.join(" ") })
      outline(sheetOf, field.box, { class: "line box", "data-box": field.box.join(" ") }, 3)
    }
    for (const { ring } of heats) if (ring) ellipse(sheetOf, ring)
    cross(sheetOf, centre)
  } else {
    grid(sheetOf, source)
    if (onSource) cross(sheetOf, centre)
    else outline(sheetOf, point, { class: "line box" }, Math.max(0, 5 - scale / 2))
  }
  listen(sheetOf, look, onSource ? (place) => nearestUnit(frame.units, place) : (place) => cellAt(source, place))
  for (const heat of heats) colorScale(parent, heat.scale, heat.unit)
  return picture
}

function drawUnits(parent, look, wide) {
  const { frame, index } = look
  const { units } = frame
  const part = html(parent, "div", { class: "units" })
  titleLine(part, `${formatCount(units.rows)} × ${formatCount(units.columns)} units`, "")
  const view = viewOf(units, { box: null }, 1)
  const long = Math.max(units.rows, units.columns)
  const sheetOf = sheet(part, {
    view, wide: Math.max(24, wide * units.columns / long), name: `units ${index}`,
    alt: `The map of units. ${frame.said}. Arrow keys choose a neighbour.`,
  })
  sheetOf.rect([0, 0, units.rows, units.columns], { class: "paper" })
  if (frame.mode === "pixel") drawMask(sheetOf, frame.field, { whole: units })
  grid(sheetOf, units)
  if (frame.mode === "unit") outline(sheetOf, [frame.at[0], frame.at[1], frame.at[0] + 1, frame.at[1] + 1], { class: "line unit" })
  listen(sheetOf, look, (place) => {
    const unit = cellAt(units, place)
    if (frame.mode === "unit") return unit
    return cellAt(frame.source, [0, 1].map((axis) => units.first[axis] + unit[axis] * units.step[axis] + 0.5))
  })
}

const cellAt = ({ rows, columns }, [down, across]) => [Math.min(rows - 1, Math.max(0, Math.floor(down))), Math.min(columns - 1, Math.max(0, Math.floor(across)))]

const nearestUnit = ({ rows, columns, first, step }, place) => [rows, columns].map((count, axis) =>
  step[axis] ? Math.min(count - 1, Math.max(0, Math.round((place[axis] - 0.5 - first[axis]) / step[axis]))) : 0)

function listen({ picture, at }, { frame, index, memory, send }, choose) {
  if (!send) return
  const place = (event, offer) => {
    const cell = choose(at(event))
    if (String(cell) === String(memory.placed?.[index] ?? frame.at)) return
    memory.placed = { ...memory.placed, [index]: cell }
    memory.commands[offer ? "offer" : "send"]("place", { frame: index, at: cell })
  }
  memory.placed = { ...memory.placed, [index]: frame.at }
  // A finger scrolls the page; a mouse and a pen draw the field along.
  picture.addEventListener("click", (event) => place(event, false))
  picture.addEventListener("pointerdown", (event) => {
    if (event.button || event.pointerType === "touch") return
    picture.setPointerCapture(event.pointerId)
  })
  picture.addEventListener("pointermove", (event) => picture.hasPointerCapture(event.pointerId) && place(event, true))
  picture.addEventListener("keydown", (event) => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key]
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return
    event.preventDefault()
    send("move", { frame: index, by: step.map((each) => each * (event.shiftKey ? 5 : 1)) })
  })
}

// ---- parts of the drawing ----------------------------------------------------------------------------------------------

const countRects = (mask) => mask.reduce((sum, { rows, columns }) => sum + rows.length * columns.length, 0)

function eachRect(mask, take) {
  for (const { rows, columns } of mask) for (const [top, high] of rows) for (const [left, wide] of columns) take(left, top, wide, high)
}

// What is touched is tinted; on a photo the rest lies in the dark.
function drawMask({ picture, x, y, scale }, { mask }, { whole, photo, dark, kind }) {
  const style = kind ? `fill:${kindColor(kind)}` : ""
  const tint = { class: `touched${photo ? " lit" : ""}`, style }
  const size = { x: x(0), y: y(0), width: whole.columns * scale, height: whole.rows * scale }
  if (countRects(mask) > MOST_RECTS) {
    const probe = svg(picture, "path", tint)
    const fill = getComputedStyle(probe).fill
    probe.remove()
    if (photo && dark) svg(picture, "image", { href: paint(mask, whole, "#000000", true), ...size, preserveAspectRatio: "none", class: "veil pixelated" })
    svg(picture, "image", { href: paint(mask, whole, fill, false), ...size, preserveAspectRatio: "none", class: `${tint.class} pixelated` })
    return
  }
  let line = ""
  eachRect(mask, (left, top, wide, high) => (line += `M${x(left)} ${y(top)}h${wide * scale}v${high * scale}h${-wide * scale}Z`))
  const frame = `M${x(0)} ${y(0)}h${whole.columns * scale}v${whole.rows * scale}h${-whole.columns * scale}Z`
  if (photo && dark) svg(picture, "path", { d: frame + line, class: "veil", "fill-rule": "evenodd" })
  svg(picture, "path", { d: line, ...tint })
}

function paint(mask, { rows, columns }, colour, rest) {
  const canvas = Object.assign(document.createElement("canvas"), { width: columns, height: rows })
  const context = canvas.getContext("2d")
  context.fillStyle = colour
  if (rest) context.fillRect(0, 0, columns, rows)
  eachRect(mask, (...place) => context[rest ? "clearRect" : "fillRect"](...place))
  return canvas.toDataURL()
}

function grid({ picture, x, y, scale, view }, { rows, columns }) {
  if (scale < GRID_PX) return
  const lines = (count, first, size) => {
    const found = []
    for (let at = Math.max(0, Math.floor(first)); at <= Math.min(count, Math.ceil(first + size)); at += 1) found.push(at)
    return found
  }
  const down = lines(rows, view.top, view.height).map((row) => `M${x(0)} ${y(row)}H${x(columns)}`)
  const across = lines(columns, view.left, view.width).map((column) => `M${x(column)} ${y(0)}V${y(rows)}`)
  svg(picture, "path", { class: "grid", d: [...down, ...across].join("") })
}

// A line that is seen on light and dark pictures alike.
function outline({ rect, scale }, box, attributes, away = 0) {
  if (!box) return
  const [room, place] = [away / scale, [...box]] // so far outside, that what lies on the same edge is seen, too
  for (const axis of [0, 1]) {
    place[axis] -= room
    place[axis + 2] += room
  }
  rect(place, { class: "under" })
  rect(place, attributes)
}

function ellipse({ picture, scale, x, y }, [row, column, down, across]) {
  const place = { cx: x(column + 0.5), cy: y(row + 0.5), rx: across * scale, ry: down * scale }
  svg(picture, "ellipse", { class: "under", ...place })
  svg(picture, "ellipse", { class: "line ring", ...place })
}

function cross({ picture, x, y }, [row, column]) {
  const [at, down] = [x(column + 0.5), y(row + 0.5)]
  const line = `M${at - 6} ${down}h12M${at} ${down - 6}v12`
  svg(picture, "path", { class: "under", d: line })
  svg(picture, "path", { class: "line centre", d: line })
}

// Of one colour, or on one edge: dashes tell them apart, and let the line below be seen.
const dash = (branches, place) => DASHES[branches.slice(0, place).filter(({ kind, box }) =>
  kind === branches[place].kind || String(box) === String(branches[place].box)).length % DASHES.length] || "none"

// ---- beside it ---------------------------------------------------------------------------------------------------------

// A press shows what is touched through one branch alone.
function drawBranches(parent, { frame, index, memory }) {
  const list = html(parent, "div", { class: "branches", role: "group", "aria-label": "Through which branch" })
  titleLine(list, "Branches", "press one to see what it alone touches")
  frame.branches.forEach((branch, place) => {
    const chosen = memory.through[index] === branch.name
    const button = html(list, "button", { type: "button", class: "through", "aria-pressed": chosen ? "true" : "false", "data-branch": branch.name })
    const sign = svg(button, "svg", { width: 22, height: 8, "aria-hidden": "true" })
    svg(sign, "path", { d: "M0 4H22", style: `stroke:${kindColor(branch.kind)};stroke-width:3;stroke-dasharray:${dash(frame.branches, place)}` })
    html(button, "b", {}, branch.name)
    html(button, "span", {}, branch.text)
    button.addEventListener("click", () => {
      memory.through[index] = chosen ? null : branch.name
      const root = button.getRootNode()
      memory.again()
      const again = [...root.querySelectorAll(".through")].filter((node) => node.dataset.branch === branch.name)
      again[Math.min(index, again.length - 1)]?.focus()
    })
  })
}

function drawFacts(parent, facts) {
  const list = html(parent, "dl", { class: "facts" })
  for (const [name, value, meaning] of facts) {
    const row = html(list, "div", { title: meaning, "data-fact": name })
    html(row, "dt", {}, name)
    html(row, "dd", {}, value)
  }
}
