// Which pixels a window reads, on a grid: of one window (its taps, holes, stride and padding), of windows one after
// another (step by step, from one unit down to the image), or of several networks side by side.
// data: {view, title, note, alt, equations} and
// view "window": image, padding, out, taps, used, kernel, dilation, stride, reach (figures.lay_out_window)
// view "chain": layers, maps, box (figures.lay_out_chain), share: {part, text} | null
// view "fields": fields: [{label, note, rows: [".##.", …]}]

const VIEWS = { window: drawWindow, chain: drawChain, fields: drawFields }
const LARGEST = 40 // pixels of a cell
const APART = 14 // pixels between two pictures
const NARROW = 520 // pixels
const HIGHEST = 480 // pixels of a picture
const SHEET_PX = 1000 // width of several pictures that are saved as one, at most
const GAP = 3 // between two pictures in one, in cells

export default component(({ data, root, memory, tip }) => {
  const area = root.querySelector(".area") || html(root, "div", { class: "area" })
  clearInterval(memory.playing)
  onWidth(root, memory, (width) => VIEWS[data.view](area, data, memory, width, tip))
})

// Everything but what has the focus is made anew: `build` is called once, and its result at each redraw.
function parts(area, memory, view, build) {
  if (memory.view !== view) {
    area.replaceChildren()
    memory.view = view
    memory.parts = build()
  }
  return memory.parts
}

// The line of the title and its tools, and a place for the pictures.
function frameOf(area, picturesOf) {
  const head = html(area, "div")
  const pictures = html(area, "div", { class: "pictures" })
  return {
    pictures,
    name(title, note) {
      head.replaceChildren()
      for (const tool of pictureTools(titleLine(head, title, note))) tool.addEventListener("click", () => saveSheet(area, picturesOf(), title, tool.value))
    },
  }
}

// Several pictures as one, with what stands above each; it is there while it is saved.
function saveSheet(area, pictures, title, kind) {
  if (pictures.length === 1) return savePicture(pictures[0], title, kind)
  const above = 20, places = []
  let x = 8, y = 8, high = 0, wide = 0
  for (const picture of pictures) {
    const { width, height } = picture.viewBox.baseVal
    if (places.length && x + width > SHEET_PX) [x, y, high] = [8, y + high + APART, 0]
    places.push([x, y])
    high = Math.max(high, height + above)
    x += width + APART
    wide = Math.max(wide, x)
  }
  const sheet = plot(area, wide, y + high + 8, title, "img")
  pictures.forEach((picture, index) => {
    const [left, top] = places[index]
    plotText(sheet, left, top + 12, picture.closest("figure")?.querySelector("figcaption").textContent || "", { class: "muted" })
    const copy = picture.cloneNode(true)
    copy.setAttribute("x", left)
    copy.setAttribute("y", top + above)
    sheet.append(copy)
  })
  savePicture(sheet, title, kind)
  sheet.remove()
}

function tellEquations(list, equations) {
  list.replaceChildren()
  for (const equation of equations || []) html(list, "li", {}, equation)
}

// ---- cells ------------------------------------------------------------------------------------------------------------

const square = (x, y, size) => `M${round(x)} ${round(y)}h${round(size)}v${round(size)}h${round(-size)}z`
const cross = (x, y, size) => `M${round(x + 0.3 * size)} ${round(y + 0.7 * size)}L${round(x + 0.7 * size)} ${round(y + 0.3 * size)}`

function gridLines(picture, x, y, across, down, cell) {
  if (cell < 4) return svg(picture, "rect", { class: "grid", x, y, width: across * cell, height: down * cell })
  const lines = []
  for (let i = 0; i <= across; i += 1) lines.push(`M${round(x + i * cell)} ${y}v${round(down * cell)}`)
  for (let i = 0; i <= down; i += 1) lines.push(`M${x} ${round(y + i * cell)}h${round(across * cell)}`)
  svg(picture, "path", { class: "grid", d: lines.join("") })
}

// Rows and columns of one axis each, as cells of one path.
const cells = (rows, columns, at, cell) => rows.flatMap((row) => columns.map((column) => at(row, column, cell))).join("")

const range = (length) => Array.from({ length }, (_, index) => index)

// ---- one window -------------------------------------------------------------------------------------------------------

function drawWindow(area, data, memory, width, tip) {
  const { pictures, name, ranges, said, list, legend } = parts(area, memory, "window", () => {
    const frame = frameOf(area, () => [frame.pictures.querySelector("svg")])
    const places = html(area, "div", { class: "places" })
    const ranges = ["row", "column"].map((axis, index) => {
      const label = html(places, "label", {}, `Output ${axis}`)
      const input = html(label, "input", { type: "range", min: 0, "data-name": `output_${axis}` })
      input.addEventListener("input", () => memory.choose(index, Number(input.value)))
      return input
    })
    const said = html(area, "p", { class: "said", role: "status" })
    const list = html(area, "ul", { class: "equations" })
    const legend = html(area, "div", { class: "legend" })
    return { ...frame, ranges, said, list, legend }
  })
  name(data.title, data.note)
  tellEquations(list, data.equations)
  // A unit that was chosen is kept where there still is one; else the middle one.
  const middle = (data.out - 1) >> 1
  const unit = (memory.unit || [middle, middle]).map((place) => Math.min(place, data.out - 1))
  const show = () => {
    drawUnit(pictures, data, unit, width, (place) => place.forEach((value, index) => memory.choose(index, value)))
    const [rows, columns] = unit.map((place) => data.taps[place])
    said.textContent = `Output (${unit.join(", ")}) reads rows ${tellTaps(rows, data)} and columns ${tellTaps(columns, data)} of the image.`
    ranges.forEach((input, index) => {
      input.max = data.out - 1
      input.value = unit[index]
      input.disabled = data.out < 2
      input.setAttribute("aria-valuetext", `${unit[index]} of 0 to ${data.out - 1}`)
    })
  }
  memory.choose = (index, value) => {
    if (unit[index] === value) return
    unit[index] = value
    memory.unit = unit
    show()
  }
  show()
  tellLegend(legend, [
    ["tap", "read by this output"],
    ["pixel", "read by some output"],
    ...(data.used.length < data.image ? [["hole", "read by none"]] : []),
    ...(data.padding ? [["border", "padding: zeros"]] : []),
    ["reach", "k_eff × k_eff"],
    ...(data.out > 1 ? [["next", `the next output's: ${data.stride} on`]] : []),
  ])
}

const tellTaps = (taps, { image }) => taps.map((tap) => (tap < 0 || tap >= image ? "padding" : tap)).join(", ")

function drawUnit(pictures, data, [row, column], width, choose) {
  pictures.replaceChildren()
  const { image, padding, out, reach } = data
  const whole = image + 2 * padding
  const beside = width > NARROW
  const [across, down] = beside ? [whole + GAP + out, whole] : [whole, whole + GAP + out]
  const cell = Math.max(4, Math.min(LARGEST, (width - 4) / across, HIGHEST / whole))
  const head = 16
  const picture = plot(pictures, round(across * cell + 4), round(down * cell + 4 + head + (beside ? 0 : head)), data.alt, "img")
  picture.style.maxWidth = "100%"
  const left = 2, top = head + 2
  const at = (x, y, size) => square(left + (x + padding) * cell, top + (y + padding) * cell, size * cell)
  plotText(picture, left, 11, `image ${image} × ${image}${padding ? `, padding ${padding}` : ""}`, { class: "muted" })
  const inside = (taps) => taps.filter((tap) => tap >= 0 && tap < image)
  svg(picture, "path", { class: "pixel", d: cells(data.used, data.used, (y, x) => at(x, y, 1)) })
  const unused = range(image).filter((pixel) => !data.used.includes(pixel))
  const corner = (x, y) => cross(left + (x + padding) * cell, top + (y + padding) * cell, cell)
  svg(picture, "path", { class: "hole", d: cells(unused, range(image), (y, x) => corner(x, y)) + cells(data.used, unused, (y, x) => corner(x, y)) })
  if (padding) {
    const ring = range(whole).map((place) => place - padding)
    const outside = (place) => place < 0 || place >= image
    svg(picture, "path", { class: "border", d: ring.flatMap((y) => ring.filter((x) => outside(x) || outside(y)).map((x) => at(x + 0.12, y + 0.12, 0.76))).join("") })
  }
  const [rows, columns] = [data.taps[row], data.taps[column]]
  svg(picture, "path", { class: "tap", d: cells(inside(rows), inside(columns), (y, x) => at(x, y, 1)) })
  const zeros = rows.flatMap((y) => columns.filter((x) => inside([x]).length + inside([y]).length < 2).map((x) => at(x + 0.2, y + 0.2, 0.6)))
  svg(picture, "path", { class: "tap", "fill-opacity": 0.35, d: zeros.join("") })
  gridLines(picture, left + padding * cell, top + padding * cell, image, image, cell)
  if (out > 1) svg(picture, "path", { class: "next", d: at(data.taps[column + (column + 1 < out ? 1 : -1)][0] - 0.04, rows[0] - 0.04, reach + 0.08) })
  svg(picture, "path", { class: "reach", d: at(columns[0], rows[0], reach) })
  drawOutput(picture, data, [row, column], beside ? [left + (whole + GAP) * cell, top] : [left, top + head + (whole + GAP - 1) * cell], cell, choose)
}

function drawOutput(picture, { out }, [row, column], [x, y], cell, choose) {
  plotText(picture, x, y - 7, `output ${out} × ${out}`, { class: "muted" })
  const field = svg(picture, "rect", { class: "pickable", x, y, width: out * cell, height: out * cell, fill: "transparent" })
  gridLines(picture, x, y, out, out, cell)
  svg(picture, "path", { class: "tap", d: square(x + column * cell, y + row * cell, cell) })
  if (column + 1 < out) svg(picture, "path", { class: "next", d: square(x + (column + 1) * cell, y + row * cell, cell) })
  const pick = (event) => {
    const frame = field.getBoundingClientRect()
    const place = (from, length) => Math.min(out - 1, Math.max(0, Math.floor((from / length) * out)))
    choose([place(event.clientY - frame.top, frame.height), place(event.clientX - frame.left, frame.width)])
  }
  // A press redraws the picture: the pointer goes on over the new one.
  field.addEventListener("pointerdown", pick)
  field.addEventListener("pointermove", (event) => (event.pointerType === "mouse" || event.buttons) && pick(event))
}

const SWATCHES = { tap: "rect", pixel: "rect", hole: "cross", border: "inner", reach: "rect", next: "rect", touched: "rect", active: "inner" }

function tellLegend(legend, entries) {
  legend.replaceChildren()
  for (const [kind, words] of entries) {
    const item = html(legend, "span")
    const swatch = svg(item, "svg", { viewBox: "0 0 14 14", "aria-hidden": "true" })
    svg(swatch, "path", { class: kind, d: SWATCHES[kind] === "cross" ? cross(0, 0, 14) : square(1, 1, 12), ...(kind === "touched" && { "fill-opacity": 0.5 }) })
    html(item, "span", {}, words)
  }
}

// ---- side by side -----------------------------------------------------------------------------------------------------

function drawFields(area, data, memory, width) {
  const { pictures, name } = parts(area, memory, "fields", () => frameOf(area, () => [...area.querySelectorAll(".pictures svg")]))
  name(data.title, data.note)
  pictures.replaceChildren()
  const side = Math.max(...data.fields.map(({ rows }) => rows.length))
  const cell = Math.max(2, Math.min(20, 170 / side, (width - APART - 12) / 2 / side))
  for (const { label, note, rows } of data.fields) {
    const figure = html(pictures, "figure", { style: `width:${round(side * cell + 4)}px` })
    const caption = html(figure, "figcaption")
    html(caption, "b", {}, label)
    caption.append(` · ${note}`)
    const picture = plot(figure, round(side * cell + 4), round(side * cell + 4), `${label}: ${note}`, "img")
    picture.style.maxWidth = "100%"
    const places = range(side)
    const read = (y, x) => Number(rows[y][x] === "#")
    const axis = (holds) => places.filter((place) => places.some((other) => holds(place, other)))
    drawReached(picture, { rows: axis(read), columns: axis((x, y) => read(y, x)), ways: read }, [0, side - 1], cell)
  }
}
